import type { Database } from '../model/database.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { RowChange } from '../model/plan.ts';

/**
 * Push monitors that this instance paused as a replica run on an instance that leads. Without this, a leader would
 * publish its own pauses to the fleet.
 * @returns whether there was one.
 */
export async function resumePushMonitors(instance: FleetInstance, database: Database): Promise<boolean> {
	const paused = instance.state.read().remarks.filter(({ kind }) => kind === 'push-paused');
	if (paused.length === 0) return false;
	const changes = await database.write(async (writer) => {
		const table = (await writer.schema()).tables.get('monitor');
		const columns = table?.columns.filter(({ name }) => name === 'active') ?? [];
		const found: RowChange[] = [];
		for (const { key, title } of paused) {
			const request = { table: 'monitor', keyColumns: ['id'], key: [Number(key)], columns, values: [1] };
			if ((await writer.update(request)) === 0) continue;
			const change = { column: 'active', before: 0, after: 1 };
			found.push({ table: 'monitor', key: [Number(key)], title, kind: 'changed', columns: [change] });
		}
		return found;
	});
	await instance.state.save({ remarks: [] });
	instance.log.info('Push monitors that were paused here as a replica run again', { count: changes.length });
	const touchedMonitors = { retagged: [], relinked: [] };
	const before = { monitors: changes.length, users: 1 };
	await instance.reload.reload({ changes, settings: [], touchedMonitors, before, timezone: null });
	return true;
}
