import { ReplicatorError } from '../../src/model/replicator-error.ts';
import type { DatabaseKind, Value } from '../../src/model/row.ts';
import type { HeldRow } from '../../src/model/state.ts';
import type { CycleReport } from '../../src/model/status.ts';
import { type FleetMember, fleetMember, type MemberOptions } from './fleet-member.ts';
import { memoryRepository, memoryStore } from './memory-repository.ts';
import type { PrivateMariadb } from './private-mariadb.ts';

/** A leader on SQLite and a replica of it, on whose database anything can be done beside Kuma's own. */
export interface RefusingPair {
	readonly leader: FleetMember;
	readonly replica: FleetMember;
	/** Runs SQL on the replica's database, as whoever looks after it may. */
	alter(sql: string): Promise<void>;
	/** Edits the leader, publishes, and lets the replica follow. */
	publish(sql: string): Promise<CycleReport>;
	/** @returns the replica's rows of one table as one column, by key. */
	column(table: string, column: string): Promise<ReadonlyMap<Value | undefined, Value | undefined>>;
	/** @returns what the replica has set aside, as `table/key`. */
	setAside(): readonly HeldRow[];
	/** Lets time pass on the replica. */
	pass(ms: number): void;
}

let databaseCount = 0;

/** @param collation of the replica's MariaDB. */
export async function refusingPair(
	kind: DatabaseKind,
	options: {
		readonly server?: PrivateMariadb;
		readonly prepare?: (database: string) => Promise<void>;
		readonly before?: string;
	} & Partial<Pick<MemberOptions, 'log'>> = {},
): Promise<RefusingPair> {
	const repository = memoryRepository({ store: memoryStore() });
	const leader = await fleetMember({ mode: 'BACKUP', repository });
	if (options.before !== undefined) leader.edit(options.before);
	await leader.cycle();
	let time = Date.now();
	const { server } = options;
	const now = () => time;
	const log = options.log === undefined ? {} : { log: options.log };
	let replica: FleetMember;
	let alter: (sql: string) => Promise<void>;
	if (kind === 'mariadb') {
		if (server === undefined) throw new Error('a MariaDB server is needed');
		databaseCount += 1;
		const database = await server.createDatabase(`refusing_${databaseCount}`);
		await server.importFixture('plain-2.3.2.mariadb.sql.gz', database.database);
		await options.prepare?.(database.database);
		replica = await fleetMember({ mode: 'RESTORE', repository, database, now, ...log });
		alter = (sql) => server.run(sql, database.database);
	} else {
		replica = await fleetMember({ mode: 'RESTORE', repository, now, ...log });
		alter = async (sql) => replica.edit(sql);
	}
	await replica.cycle();
	return {
		leader,
		replica,
		alter,
		async publish(sql) {
			leader.edit(sql);
			const published = await leader.cycle();
			if (published.outcome !== 'published') throw new Error(`the leader: ${published.summary}`);
			return replica.cycle().catch((error: unknown) => {
				if (!(error instanceof ReplicatorError)) throw error;
				throw new Error(`the replica's cycle failed: ${error.code} ${error.message}`);
			});
		},
		async column(table, column) {
			const rows = await replica.table(table);
			return new Map(rows.map((row) => [row.id, row[column]]));
		},
		setAside: () => replica.state.heldRows,
		pass(ms) {
			time += ms;
		},
	};
}
