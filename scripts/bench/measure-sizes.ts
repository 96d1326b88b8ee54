import { join } from 'node:path';
import type { CycleReport } from '../../src/model/status.ts';
import { KumaClient } from '../../test/kit/kuma-client.ts';
import { startKuma } from '../../test/kit/kuma-instance.ts';
import { openMonitorRows } from '../../test/kit/monitor-rows.ts';
import { startPrivateMariadb } from '../../test/kit/private-mariadb.ts';
import type { BenchRun } from './bench-run.ts';
import type { Figure } from './figure.ts';
import { exportTables, importTables } from './restart-strategy.ts';
import { openRowStore, type StoreConfig } from './row-store.ts';
import { runProduct } from './run-product.ts';

type Kind = 'sqlite' | 'mariadb';

const TEMPLATE_ID = 1;
const FIRST_ID = 100;
/** Of each kind of measurement, in the order of the table. */
const NAMES = [
	'export, the command',
	'export, the command: peak memory',
	'import into an empty database, the command',
	'import into an empty database, the command: peak memory',
	'export, the stage',
	'plan, everything is new',
	'apply, everything is new',
	'plan, one monitor changed',
	'apply, one monitor changed',
] as const;
type Name = (typeof NAMES)[number];

interface Measured {
	readonly ours: Readonly<Record<Name, number>>;
	readonly restart: Readonly<Partial<Record<Name, number>>>;
}

/** A Kuma's database, stopped, and how to reach it. */
interface Place {
	readonly dataDirectory: string;
	readonly config: StoreConfig;
}

const NOTE =
	'Commands: whole processes, with the start of Node. Stages: from the reports of "backup" and "restore". "restart": the export and the import alone, within the process of the bench.';

/** How long export, plan and apply take, and how that grows, on each kind of database. */
export async function measureSizes(run: BenchRun): Promise<Figure[]> {
	const figures: Figure[] = [];
	for (const kind of ['sqlite', 'mariadb'] as const) {
		run.say(`  … ${kind}`);
		figures.push(...(await run.part((part) => measureKind(part, kind))));
	}
	return figures;
}

async function measureKind(run: BenchRun, kind: Kind): Promise<Figure[]> {
	const { source, target } = await makePlaces(run, kind);
	const sizes = run.isQuick ? [100, 1_000] : [100, 1_000, 10_000];
	const figures: Figure[] = [];
	let before: Measured | undefined;
	for (const size of sizes) {
		const measured = await run.part((part) => measureSize(part, { size, source, target }));
		figures.push(...toFigures({ kind, size, measured, before }));
		before = measured;
	}
	return figures;
}

function toFigures(parts: {
	readonly kind: Kind;
	readonly size: number;
	readonly measured: Measured;
	readonly before: Measured | undefined;
}): Figure[] {
	const { kind, size, measured, before } = parts;
	const label = `${size.toLocaleString('en')} monitors on ${kind === 'sqlite' ? 'SQLite' : 'MariaDB'}`;
	const values = NAMES.map((name) => ({
		section: label,
		name,
		unit: name.endsWith('memory') ? ('MB' as const) : ('ms' as const),
		ours: measured.ours[name],
		restart: measured.restart[name] ?? null,
		note: NOTE,
	}));
	if (before === undefined) return values;
	const growth = NAMES.map((name): Figure => {
		const [theirs, theirsBefore] = [measured.restart[name], before.restart[name]];
		return {
			section: `${label}, growth for ten times as many`,
			name,
			unit: '×',
			ours: measured.ours[name] / Math.max(1, before.ours[name]),
			restart: theirs === undefined || theirsBefore === undefined ? null : theirs / theirsBefore,
		};
	});
	return [...values, ...growth];
}

async function measureSize(
	run: BenchRun,
	parts: { readonly size: number; readonly source: Place; readonly target: Place },
): Promise<Measured> {
	const { size, source, target } = parts;
	const home = await run.directory('home');
	const environment = (mode: string, { dataDirectory }: Place) => ({
		HOME: home,
		DATA_DIR: dataDirectory,
		REPLICATOR_MODE: mode,
		RESTIC_REPOSITORY: join(home, 'repository'),
		RESTIC_PASSWORD: 'sesame-open-up',
	});
	const [leader, replica] = [environment('BACKUP', source), environment('RESTORE', target)];
	await setMonitors(source, size);

	const exportDirectory = join(home, 'export');
	const exported = await runProduct(['export', exportDirectory], leader);
	await setMonitors(target, 0);
	const imported = await runProduct(['import', exportDirectory, '--allow-deletes'], replica);

	await setMonitors(target, 0);
	const published = stagesOf((await runProduct(['backup', '--take-over', '--allow-deletes'], leader)).report);
	const all = stagesOf((await runProduct(['restore', '--allow-deletes'], replica)).report);
	await changeOne(source);
	await runProduct(['backup'], leader);
	const one = stagesOf((await runProduct(['restore'], replica)).report);

	return {
		ours: {
			'export, the command': exported.durationMs,
			'export, the command: peak memory': exported.peakMegabytes,
			'import into an empty database, the command': imported.durationMs,
			'import into an empty database, the command: peak memory': imported.peakMegabytes,
			'export, the stage': published.export ?? 0,
			'plan, everything is new': all.plan ?? 0,
			'apply, everything is new': all.apply ?? 0,
			'plan, one monitor changed': one.plan ?? 0,
			'apply, one monitor changed': one.apply ?? 0,
		},
		restart: await measureRestart(join(home, 'tables'), { source, target }),
	};
}

/** It knows one way alone: whatever changed, everything is written anew. */
async function measureRestart(
	directory: string,
	{ source, target }: { readonly source: Place; readonly target: Place },
): Promise<Measured['restart']> {
	const [from, to] = [await openRowStore(source.config), await openRowStore(target.config)];
	try {
		const startedAt = performance.now();
		await exportTables(from, directory);
		const exportedAt = performance.now();
		await importTables(to, directory);
		const importMs = performance.now() - exportedAt;
		return {
			'export, the stage': exportedAt - startedAt,
			'apply, everything is new': importMs,
			'apply, one monitor changed': importMs,
		};
	} finally {
		await from.close();
		await to.close();
	}
}

function stagesOf(report: unknown): CycleReport['stages'] {
	return (report as CycleReport).stages;
}

async function makePlaces(run: BenchRun, kind: Kind): Promise<{ source: Place; target: Place }> {
	const mariadb = kind === 'mariadb' ? await startPrivateMariadb() : null;
	if (mariadb !== null) run.ends(() => mariadb.stop());
	const make = async (name: string): Promise<Place> => {
		const dataDirectory = await run.directory(name);
		const database = (await mariadb?.createDatabase(name)) ?? ('sqlite' as const);
		const kuma = await startKuma({ database, dataDirectory });
		try {
			const client = await KumaClient.connect(kuma.url);
			await client.setup('admin', 'secret-12345');
			await client.addMonitor({ name: 'Template', url: 'http://127.0.0.1:9/', active: false });
			client.close();
		} finally {
			await kuma.stop();
		}
		const path = join(dataDirectory, 'kuma.db');
		return { dataDirectory, config: database === 'sqlite' ? { type: 'sqlite', path } : database };
	};
	return { source: await make('source'), target: await make('target') };
}

/** Makes so many copies of the first monitor the only others. */
async function setMonitors({ dataDirectory, config }: Place, count: number): Promise<void> {
	const store = await openRowStore(config);
	const present = (await store.rows('monitor'))
		.map(({ id }) => Number(id))
		.filter((id) => id !== TEMPLATE_ID);
	await store.close();
	const rows = await openMonitorRows(dataDirectory);
	try {
		await rows.remove(present);
		const copies = Array.from({ length: count }, (_, index) => ({
			id: FIRST_ID + index,
			name: `Monitor ${index}`,
			url: `https://service-${index}.example.org/health`,
			description: `What the service number ${index} says of itself`,
		}));
		await rows.copy(TEMPLATE_ID, copies);
	} finally {
		await rows.close();
	}
}

async function changeOne({ dataDirectory }: Place): Promise<void> {
	const rows = await openMonitorRows(dataDirectory);
	try {
		await rows.update([{ id: FIRST_ID, description: 'Changed' }]);
	} finally {
		await rows.close();
	}
}
