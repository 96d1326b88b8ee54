import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import {
	type DatabaseFleet,
	type DatabaseMember,
	startDatabaseFleet,
} from '../../test/kit/database-fleet.ts';
import { KumaClient } from '../../test/kit/kuma-client.ts';
import { startKuma } from '../../test/kit/kuma-instance.ts';
import { openRestServer } from '../../test/kit/open-rest-server.ts';
import type { BenchRun } from './bench-run.ts';
import type { Figure } from './figure.ts';
import { quantile } from './quantile.ts';
import { readSoon } from './read-soon.ts';
import { openWay, WAY_NAMES, type Way } from './ways.ts';

const REPLICAS = 20;
const MONITORS = 50;
const EVERYBODY_MS = 300_000;
/** Between an edit that everybody has and the next: a replica looks at most once in two seconds. */
const PAUSE_MS = 2_500;
const LOOK_EVERY_MS = 20;

/** How soon each of many replicas has an edit: processes against one repository, with databases and without Kuma. */
export async function measureFleet(run: BenchRun): Promise<Figure[]> {
	const template = await makeTemplate(run);
	const figures: Figure[] = [];
	for (const way of ['stream', 'direct'] as const) {
		run.say(`  … ${WAY_NAMES[way]}`);
		figures.push(...(await run.part((part) => measureWay(part, { way, template }))));
	}
	return figures;
}

async function measureWay(
	run: BenchRun,
	{ way, template }: { readonly way: Way; readonly template: string },
): Promise<Figure[]> {
	const rest = await openRestServer({ directory: await run.directory('repository') });
	run.ends(() => rest.stop());
	const variables = await openWay(run, way);
	const fleet = await startDatabaseFleet({
		...variables,
		replicaCount: REPLICAS,
		repository: rest.location,
		makeDatabase: async (directory) => {
			await copyFile(template, join(directory, 'kuma.db'));
			await writeFile(join(directory, 'db-config.json'), '{"type":"sqlite"}');
		},
	});
	run.ends(() => fleet.discard());
	const editCount = run.isQuick ? 3 : 30;
	const lags: number[] = [];
	for (let edit = 1; edit <= editCount; edit += 1) {
		await delay(PAUSE_MS);
		lags.push(...(await measureEdit(fleet, `Edit ${edit}`)));
	}
	const section = `${REPLICAS} replicas: ${WAY_NAMES[way]} (${editCount} edits)`;
	const shares = { p50: 0.5, p95: 0.95, max: 1 };
	return Object.entries(shares).map(([label, share]) => ({
		section,
		name: `edit → in a replica's database, ${label}`,
		unit: 'ms',
		ours: quantile(lags, share),
		restart: null,
		note: 'Over all replicas and edits; all processes share this machine. The leader is told of the edit at once, as its Kuma would.',
	}));
}

/** @returns how long each replica took. */
async function measureEdit({ leader, replicas }: DatabaseFleet, title: string): Promise<number[]> {
	const readers = replicas.map((replica) => openReader(replica));
	try {
		const database = new DatabaseSync(join(leader.dataDirectory, 'kuma.db'), { timeout: 10_000 });
		const editedAt = Date.now();
		database.prepare('UPDATE monitor SET description = ? WHERE id = 1').run(title);
		database.close();
		leader.wake();
		const waits = readers.map(({ description }, index) =>
			readSoon(() => (description() === title ? true : null), {
				timeoutMs: EVERYBODY_MS,
				what: `${title} on replica ${index + 1}`,
				everyMs: LOOK_EVERY_MS,
			}),
		);
		return (await Promise.all(waits)).map(({ atMs }) => atMs - editedAt);
	} finally {
		for (const { close } of readers) close();
	}
}

function openReader({ dataDirectory }: DatabaseMember) {
	const database = new DatabaseSync(join(dataDirectory, 'kuma.db'), { readOnly: true, timeout: 10_000 });
	const statement = database.prepare('SELECT description FROM monitor WHERE id = 1');
	return { description: () => statement.get()?.description, close: () => database.close() };
}

/** @returns a database as a real Kuma makes it, with monitors. */
async function makeTemplate(run: BenchRun): Promise<string> {
	const dataDirectory = await run.directory('template');
	const kuma = await startKuma({ database: 'sqlite', dataDirectory });
	try {
		const client = await KumaClient.connect(kuma.url);
		await client.setup('admin', 'secret-12345');
		for (let index = 0; index < MONITORS; index += 1)
			await client.addMonitor({ name: `Monitor ${index}`, url: 'http://127.0.0.1:9/', active: false });
		client.close();
	} finally {
		await kuma.stop();
	}
	const path = join(dataDirectory, 'kuma.db');
	const database = new DatabaseSync(path);
	database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
	database.close();
	return path;
}
