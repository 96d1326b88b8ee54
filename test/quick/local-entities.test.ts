import { describe, expect, test } from 'vitest';
import type { ReplicatorMode } from '../../src/model/role.ts';
import { type FleetMember, fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository, memoryStore } from '../kit/memory-repository.ts';

const KEEPING = 'RESTORE_LOCAL_ENTITY_REPLICATION';

async function pair(mode: ReplicatorMode = KEEPING) {
	const repository = memoryRepository({ store: memoryStore() });
	const leader = await fleetMember({ mode: 'BACKUP', repository });
	await leader.cycle();
	const replica = await fleetMember({ mode, repository, isEmpty: true });
	await replica.cycle();
	/** One edit on the leader, as it arrives. */
	const publish = async (sql: string) => {
		leader.edit(sql);
		const published = await leader.cycle();
		const followed = await replica.cycle();
		return [published.outcome, followed.outcome];
	};
	return { leader, replica, publish };
}

interface LocalTable {
	readonly table: string;
	/** Tells which row is which. */
	readonly column: string;
	/** Inserts a row. `birth` is left out where the table has no such date. */
	readonly row: (id: number, text: string, birth?: string) => string;
}

const PROXY: LocalTable = {
	table: 'proxy',
	column: 'host',
	row: (id, text, birth = '2026-11-24 12:00:00') =>
		`INSERT INTO proxy (id, user_id, protocol, host, port, auth, created_date)
		VALUES (${id}, 1, 'http', '${text}', 3128, 0, '${birth}');`,
};

const TABLES: readonly LocalTable[] = [
	PROXY,
	{
		table: 'docker_host',
		column: 'name',
		row: (id, text) =>
			`INSERT INTO docker_host (id, user_id, docker_daemon, docker_type, name)
			VALUES (${id}, 1, '/run/docker.sock', 'socket', '${text}');`,
	},
	{
		table: 'remote_browser',
		column: 'name',
		row: (id, text) =>
			`INSERT INTO remote_browser (id, user_id, url, name) VALUES (${id}, 1, 'ws://127.0.0.1:3000', '${text}');`,
	},
];

/** Monitors refer to some of them, and would be in the way of a delete. */
const UNLINK = 'UPDATE monitor SET proxy_id = NULL, docker_host = NULL, remote_browser = NULL;';

describe.each(TABLES)('a row of $table', ({ table, column, row }) => {
	const texts = async (member: FleetMember) =>
		(await member.table(table)).map((found) => [found.id, found[column]]);

	test('that the leader adds is added', async () => {
		const { leader, replica, publish } = await pair();

		const outcomes = await publish(row(50, 'added'));

		expect(outcomes).toEqual(['published', 'applied']);
		expect(await texts(replica)).toContainEqual([50, 'added']);
		expect(await replica.rows()).toEqual(await leader.rows());
	});

	test('that the leader deletes is deleted, with what the replica made of it', async () => {
		const { replica, publish } = await pair();
		replica.edit(`UPDATE ${table} SET ${column} = 'edited here' WHERE id = 1`);

		const outcomes = await publish(`${UNLINK} DELETE FROM ${table} WHERE id = 1`);

		expect(outcomes).toEqual(['published', 'applied']);
		expect((await texts(replica)).map(([id]) => id)).not.toContain(1);
	});

	test('that the leader edits stays as the replica has it, also after a restart', async () => {
		const { replica, publish } = await pair();
		const before = await texts(replica);

		const outcomes = await publish(`UPDATE ${table} SET ${column} = 'edited on the leader' WHERE id = 1`);
		await replica.restart();
		const restarted = await replica.cycle();

		expect(outcomes).toEqual(['published', 'unchanged']);
		expect(restarted.outcome).toBe('unchanged');
		expect(await texts(replica)).toEqual(before);
	});

	test('that the replica edits stays so, whatever else is published and after a restart', async () => {
		const { replica, publish } = await pair();
		replica.edit(`UPDATE ${table} SET ${column} = 'edited here' WHERE id = 1`);

		const outcomes = await publish("UPDATE monitor SET name = 'Renamed' WHERE id = 4");
		await replica.restart();
		const restarted = await replica.cycle();

		expect(outcomes).toEqual(['published', 'applied']);
		expect(restarted.outcome).toBe('unchanged');
		expect(await texts(replica)).toContainEqual([1, 'edited here']);
		expect(await replica.table('monitor')).toContainEqual(expect.objectContaining({ name: 'Renamed' }));
	});

	test('that the leader deletes and makes again, in two snapshots, arrives fresh', async () => {
		const { leader, replica, publish } = await pair();
		replica.edit(`UPDATE ${table} SET ${column} = 'edited here' WHERE id = 1`);

		await publish(`${UNLINK} DELETE FROM ${table} WHERE id = 1`);
		await publish(row(1, 'made again'));

		expect(await texts(replica)).toEqual(await texts(leader));
		expect(await texts(replica)).toContainEqual([1, 'made again']);
	});

	test('that the leader replaces by one with a new id, in one snapshot, arrives fresh', async () => {
		const { leader, replica, publish } = await pair();
		replica.edit(`UPDATE ${table} SET ${column} = 'edited here' WHERE id = 1`);

		await publish(`${UNLINK} DELETE FROM ${table} WHERE id = 1; ${row(51, 'the new one')}`);

		expect(await texts(replica)).toEqual(await texts(leader));
	});

	test('that the replica made for itself gives way to one of the leader with its id', async () => {
		const { leader, replica, publish } = await pair();
		replica.edit(row(60, 'made here', '2026-11-25 12:00:00'));

		await publish(row(60, 'made on the leader'));

		expect(await texts(replica)).toEqual(await texts(leader));
	});

	test('is the leader’s again when the replica no longer keeps its own', async () => {
		const { leader, replica } = await pair();
		replica.edit(`UPDATE ${table} SET ${column} = 'edited here' WHERE id = 1`);

		await replica.restart({ mode: 'RESTORE' });
		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		expect(await replica.rows()).toEqual(await leader.rows());
	});

	test('that a replica edits in mode RESTORE is the leader’s again with the next snapshot', async () => {
		const { leader, replica, publish } = await pair('RESTORE');
		replica.edit(`UPDATE ${table} SET ${column} = 'edited here' WHERE id = 1`);

		await publish("UPDATE monitor SET name = 'Renamed' WHERE id = 4");

		expect(await replica.rows()).toEqual(await leader.rows());
	});
});

test('a proxy that the leader makes again under the same id, with another date, arrives fresh in one snapshot', async () => {
	const { leader, replica, publish } = await pair();
	replica.edit("UPDATE proxy SET host = 'edited here' WHERE id = 1");

	await publish(`
		UPDATE monitor SET proxy_id = NULL WHERE proxy_id = 1;
		DELETE FROM proxy WHERE id = 1;
		${PROXY.row(1, 'made again')}
		UPDATE monitor SET proxy_id = 1 WHERE id = 4;
	`);

	expect(await replica.table('proxy')).toEqual(await leader.table('proxy'));
	expect(await replica.table('monitor')).toEqual(await leader.table('monitor'));
});

test('a date that differs in its form only does not make a proxy another one', async () => {
	const { replica, publish } = await pair();
	replica.edit(
		"UPDATE proxy SET host = 'edited here', created_date = '2026-10-01T08:00:00.250Z' WHERE id = 1",
	);

	await publish("UPDATE monitor SET name = 'Renamed' WHERE id = 4");

	expect(await replica.table('proxy')).toContainEqual(
		expect.objectContaining({ id: 1, host: 'edited here' }),
	);
});

test('monitors go on using the Docker host that the replica has edited', async () => {
	const { replica, publish } = await pair();
	replica.edit("UPDATE docker_host SET docker_daemon = 'tcp://127.0.0.1:2375', docker_type = 'tcp'");

	await publish("UPDATE monitor SET name = 'Container' WHERE id = 15");

	expect(await replica.table('docker_host')).toMatchObject([{ docker_type: 'tcp' }]);
	expect(await replica.table('monitor')).toContainEqual(
		expect.objectContaining({ id: 15, name: 'Container', docker_host: 1, active: 1 }),
	);
});
