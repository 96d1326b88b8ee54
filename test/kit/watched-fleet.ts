import { stripVTControlCharacters } from 'node:util';
import type { DatabaseKind } from '../../src/model/row.ts';
import type { Status } from '../../src/model/status.ts';
import { DATABASE_KINDS, forEachKind } from './database-kinds.ts';
import { type Fleet, prepareFleet } from './fleet.ts';
import { type Answer, type HttpRecorder, startHttpRecorder } from './http-recorder.ts';
import { KumaClient } from './kuma-client.ts';
import { kumaInstallation } from './kuma-installation.ts';
import { kumaRows } from './kuma-rows.ts';
import { openKumaDatabase } from './open-kuma-database.ts';
import { startPrivateMariadb } from './private-mariadb.ts';
import type { Replicator } from './replicator.ts';
import { waitFor } from './wait-for.ts';

/** Much longer than anything takes, even on a busy machine. */
export const SOON_MS = 60_000;
export const PASSWORD = 'secret-12345';

/** Lines that say that something of ours, or in Kuma itself, went wrong; a monitor that is down is none. */
const TROUBLE =
	/^.*(\[REPLICATOR\] (WARN|ERROR):|\[replicator-kuma agent\]|\] ERROR:|Trace: |FOREIGN KEY|Unhandled).*$/gm;

/** Errors of some releases that they have by themselves, up to the end of each; by what their package.json says. */
const KNOWN_ERRORS: Readonly<Record<string, RegExp>> = {
	// While a page is open, it asks for statistics in SQL that neither database understands.
	'2.0.0-dev.0': /^Trace: \[?Error: \s+SELECT\s(?:.*\n)*?If you keep encountering errors.*$/gm,
	// The start of a window is written in a form that MariaDB refuses.
	'2.0.1':
		/^Trace: Error: update `maintenance` .*`last_start_date` = (?:.*\n)*?If you keep encountering errors.*$/gm,
};

export interface Beat {
	readonly status: number;
	readonly msg: string;
}

/** A replica with a Kuma that never restarts, and everything that it does outside of itself. */
export interface WatchedReplica {
	readonly name: string;
	readonly replicator: Replicator;
	/** What its Kuma, and nobody else, has asked for. */
	readonly recorder: HttpRecorder;
	/** Logged in there, as a page that somebody has left open. */
	readonly page: KumaClient;
	beats(monitorId: number): Promise<Beat[]>;
	/** Waits for a beat after those that there are now. @returns it. */
	nextBeat(monitorId: number): Promise<Beat>;
}

/** A leader on SQLite, and a replica on each kind of database. */
export interface WatchedFleet {
	readonly fleet: Fleet<DatabaseKind>;
	/** Logged in on the leader. */
	readonly leader: KumaClient;
	/** What the leader's own Kuma has asked for. */
	readonly leaderRecorder: HttpRecorder;
	readonly replicas: readonly WatchedReplica[];
	/** Edits on the leader, publishes, and waits until the replicas have followed. */
	change(edit: (leader: KumaClient) => Promise<unknown>): Promise<Status[]>;
	/** Lets a monitor of the leader beat every so many seconds, which some releases refuse on their pages. */
	hasten(monitorId: number, seconds?: number): Promise<void>;
	/** Opens the pages of the replicas anew, after they were thrown out. */
	openPages(password?: string): Promise<void>;
	/** @returns what went wrong on the replicas since this was asked for the last time: restarts of Kuma, warnings and errors; none is `[]`. */
	troubles(): Promise<string[]>;
	discard(): Promise<void>;
}

/** Starts it, with the first user set up on the leader and taken over by the replicas. */
export async function startWatchedFleet(
	options: {
		readonly answer?: Answer;
		readonly leaderEnvironment?: Readonly<Record<string, string>>;
		readonly replicaEnvironment?: Readonly<Record<string, string>>;
		/** Done on the leader before the replicas start. */
		readonly prepare?: (leader: KumaClient) => Promise<unknown>;
	} = {},
): Promise<WatchedFleet> {
	const { version } = await kumaInstallation();
	const [leaderRecorder, recorders, mariadb] = await Promise.all([
		startHttpRecorder(options.answer),
		forEachKind(() => startHttpRecorder(options.answer)),
		DATABASE_KINDS.includes('mariadb') ? startPrivateMariadb() : undefined,
	]);
	const web = ({ url }: HttpRecorder) => ({ http_proxy: url, https_proxy: url, no_proxy: '127.0.0.1' });
	const fleet = await prepareFleet({
		leader: { database: 'sqlite', environment: { ...web(leaderRecorder), ...options.leaderEnvironment } },
		replicas: await forEachKind(async (kind) => ({
			mode: 'RESTORE',
			database: (kind === 'mariadb' ? await mariadb?.createDatabase('replica') : undefined) ?? 'sqlite',
			environment: { ...web(recorders[kind]), ...options.replicaEnvironment },
		})),
	});
	await fleet.leader.start();
	const leader = await KumaClient.connect(fleet.leader.url);
	await leader.setup('admin', PASSWORD);
	await fleet.leader.waitForStatus('a snapshot with the first user', ({ newest }) => newest !== null);
	if (options.prepare !== undefined) {
		await options.prepare(leader);
		await fleet.publish();
	}
	await Promise.all(DATABASE_KINDS.map((kind) => fleet.replicas[kind].start()));
	const pids = new Map((await fleet.follow()).map(({ hostname, kuma }) => [hostname, kuma.pid]));
	const replicas = DATABASE_KINDS.map((kind) => watch(kind, fleet.replicas[kind], recorders[kind]));
	/** How many lines of each log were told already. */
	const told = new Map<string, number>();
	const openPages = async (password = PASSWORD) => {
		for (const replica of replicas) await replica.open(password);
	};
	await openPages();
	return {
		fleet,
		leader,
		leaderRecorder,
		replicas,
		openPages,
		change: async (edit) => {
			await edit(leader);
			await fleet.publish();
			return fleet.follow();
		},
		hasten: async (monitorId, seconds = 2) => {
			const database = await openKumaDatabase(fleet.leader.dataDirectory);
			try {
				await database.write(async (writer) => {
					const columns = (await writer.schema()).tables.get('monitor')?.columns ?? [];
					await writer.update({
						table: 'monitor',
						keyColumns: ['id'],
						key: [monitorId],
						columns: columns.filter(({ name }) => name === 'interval' || name === 'retry_interval'),
						values: [seconds, seconds],
					});
				});
			} finally {
				await database.close();
			}
		},
		troubles: async () => {
			const found: string[] = [];
			for (const { name, replicator } of replicas) {
				const { kuma, lastError } = await replicator.status();
				if (kuma.restarts !== 0 || kuma.pid !== pids.get(name)) found.push(`${name}: Kuma was restarted`);
				if (lastError !== null) found.push(`${name}: ${lastError.message}`);
				const log = stripVTControlCharacters(replicator.log()).replace(KNOWN_ERRORS[version] ?? /$^/, '');
				const lines = log.match(TROUBLE) ?? [];
				found.push(...lines.slice(told.get(name) ?? 0).map((line) => `${name}: ${line}`));
				told.set(name, lines.length);
			}
			return found;
		},
		discard: async () => {
			leader.close();
			for (const { page } of replicas) page.close();
			await fleet.discard();
			await Promise.all(
				[mariadb, leaderRecorder, ...Object.values(recorders)].map((server) => server?.stop()),
			);
		},
	};
}

function watch(name: string, replicator: Replicator, recorder: HttpRecorder) {
	let page: KumaClient | undefined;
	const beats = async (monitorId: number): Promise<Beat[]> => {
		const rows = await kumaRows(replicator.dataDirectory, 'heartbeat');
		return rows
			.filter((row) => row.monitor_id === monitorId)
			.map(({ status, msg }) => ({ status: Number(status), msg: String(msg) }));
	};
	return {
		name,
		replicator,
		recorder,
		get page(): KumaClient {
			if (page === undefined) throw new Error('no page is open yet');
			return page;
		},
		open: async (password: string) => {
			page?.close();
			page = await KumaClient.connect(replicator.url);
			await page.login('admin', password);
		},
		beats,
		nextBeat: async (monitorId: number): Promise<Beat> => {
			const before = (await beats(monitorId)).length;
			let last: Beat | undefined;
			const isThere = async () => {
				last = (await beats(monitorId))[before];
				return last !== undefined;
			};
			await waitFor(isThere, { timeoutMs: SOON_MS, what: `a beat of monitor ${monitorId} on ${name}` });
			if (last === undefined) throw new Error('there is a beat');
			return last;
		},
	};
}
