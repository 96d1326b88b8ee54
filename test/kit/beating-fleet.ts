import { type Fleet, prepareFleet } from './fleet.ts';
import { type HttpTarget, startHttpTarget } from './http-target.ts';
import { KumaClient } from './kuma-client.ts';
import { type MonitorRows, openMonitorRows } from './monitor-rows.ts';
import type { ReplicatorOptions } from './replicator.ts';

const PASSWORD = 'secret-12345';
const TEMPLATE_ID = 1;
const FIRST_ID = 100;

/** Whom to log in as on every instance of such a fleet. */
export const ADMIN = { username: 'admin', password: PASSWORD } as const;

/**
 * A fleet whose monitors beat every few seconds on the replicas alone: they are written into the leader's database
 * beside its Kuma, which does not run them. So every hit on the target is a replica's.
 */
export interface BeatingFleet<Name extends string> {
	readonly fleet: Fleet<Name>;
	readonly target: HttpTarget;
	/** The leader's. */
	readonly rows: MonitorRows;
	/** Makes so many monitors the only ones of the leader; publishes nothing. @returns their ids. */
	setMonitors(count: number): Promise<number[]>;
	/** What a monitor looks at after so many edits. */
	urlOf(id: number, edit: number): string;
	/** @returns when a monitor's targets, or the one after so many edits, were looked at. */
	hitsOf(id: number, edit?: number): number[];
	discard(): Promise<void>;
}

export async function startBeatingFleet<Name extends string>(options: {
	readonly intervalSeconds: number;
	/** RESTIC_REPOSITORY; see {@link prepareFleet}. */
	readonly repository?: string;
	readonly replicas: Readonly<
		Record<Name, Pick<ReplicatorOptions, 'database' | 'environment' | 'installation' | 'command'>>
	>;
}): Promise<BeatingFleet<Name>> {
	const target = await startHttpTarget();
	const replicas = Object.fromEntries(
		Object.entries<Pick<ReplicatorOptions, 'database'>>(options.replicas).map(([name, replica]) => [
			name,
			{ mode: 'RESTORE' as const, ...replica },
		]),
	) as Readonly<Record<Name, Pick<ReplicatorOptions, 'database'> & { readonly mode: 'RESTORE' }>>;
	const { repository } = options;
	const fleet = await prepareFleet({
		...(repository === undefined ? {} : { repository }),
		leader: { database: 'sqlite' },
		replicas,
	});
	let monitors: MonitorRows | undefined;
	const discard = async () => {
		await monitors?.close();
		await fleet.discard();
		await target.stop();
	};
	try {
		await fleet.leader.start();
		const client = await KumaClient.connect(fleet.leader.url);
		await client.setup(ADMIN.username, ADMIN.password);
		await client.addMonitor({ name: 'Template', url: target.url, interval: 20, active: false });
		client.close();
		await fleet.leader.waitForStatus('a first snapshot', ({ newest }) => newest !== null);
		monitors = await openMonitorRows(fleet.leader.dataDirectory);
	} catch (error) {
		await discard();
		throw error;
	}
	const rows = monitors;
	let ids: readonly number[] = [];
	const pathOf = (id: number, edit: number | '') => `/monitor/${id}/${edit}`;
	const urlOf = (id: number, edit: number) => new URL(pathOf(id, edit), target.url).href;
	return {
		fleet,
		target,
		rows,
		setMonitors: async (count) => {
			await rows.remove(ids);
			const added = Array.from({ length: count }, (_, index) => FIRST_ID + index);
			ids = added;
			await rows.copy(
				TEMPLATE_ID,
				added.map((id) => ({
					id,
					name: `Monitor ${id}`,
					url: urlOf(id, 0),
					interval: options.intervalSeconds,
					active: 1,
				})),
			);
			return added;
		},
		urlOf,
		hitsOf: (id, edit) =>
			target.hits
				.filter(({ path }) =>
					edit === undefined ? path.startsWith(pathOf(id, '')) : path === pathOf(id, edit),
				)
				.map(({ atMs }) => atMs),
		discard,
	};
}
