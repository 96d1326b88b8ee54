import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyPlan } from '../../src/apply/apply-plan.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import type { CatalogTable } from '../../src/model/catalog-table.ts';
import type { Database } from '../../src/model/database.ts';
import type { Value } from '../../src/model/row.ts';
import { makePlan } from '../../src/plan/make-plan.ts';
import { takeTables, toContent } from '../../src/snapshot/take.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

// A small world with every kind of tie that Kuma's tables have: cascades, SET NULL, RESTRICT, a table that refers to
// itself, unique values, local entities with and without a date of birth, a volatile and a derived column.
const CATALOG: readonly CatalogTable[] = [
	{ name: 'page', noun: 'page', plural: 'pages', titleColumn: 'slug', shownColumns: ['slug'] },
	{
		name: 'proxy',
		noun: 'proxy',
		plural: 'proxies',
		shownColumns: [],
		birthColumn: 'created_date',
		isLocalEntity: true,
	},
	{ name: 'browser', noun: 'browser', plural: 'browsers', shownColumns: [], isLocalEntity: true },
	{
		name: 'monitor',
		noun: 'monitor',
		plural: 'monitors',
		titleColumn: 'name',
		shownColumns: ['name'],
		birthColumn: 'created_date',
		activeColumn: 'active',
		volatileColumns: ['last_result'],
		derivedColumns: ['filled_in'],
	},
	{ name: 'link', noun: 'link', plural: 'links', shownColumns: [] },
];
const SCHEMA = `
	CREATE TABLE setting (id INTEGER PRIMARY KEY, key VARCHAR(200) NOT NULL UNIQUE, value TEXT);
	CREATE TABLE page (id INTEGER PRIMARY KEY AUTOINCREMENT, slug VARCHAR(255) NOT NULL UNIQUE, css TEXT);
	CREATE TABLE proxy (id INTEGER PRIMARY KEY AUTOINCREMENT, host VARCHAR(255), created_date DATETIME);
	CREATE TABLE browser (id INTEGER PRIMARY KEY AUTOINCREMENT, url VARCHAR(255));
	CREATE TABLE monitor (
		id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(150), active BOOLEAN NOT NULL DEFAULT 1, weight REAL,
		parent INTEGER REFERENCES monitor (id) ON DELETE SET NULL ON UPDATE CASCADE,
		proxy_id INTEGER REFERENCES proxy (id), browser INTEGER REFERENCES browser (id),
		created_date DATETIME, last_result TEXT, filled_in TEXT);
	CREATE TABLE link (
		id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL REFERENCES monitor (id) ON DELETE CASCADE,
		page_id INTEGER NOT NULL REFERENCES page (id) ON DELETE CASCADE, value TEXT);
	CREATE TABLE heartbeat (id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL REFERENCES monitor (id) ON DELETE CASCADE);
`;

type World = Readonly<Record<string, readonly Readonly<Record<string, Value>>[]>>;

const text = fc.oneof(
	fc.constantFrom('', 'null', "'", '"', '\r\n', 'a\u0000b', '007', '1e5', '\ufeff', 'line;\n'),
	fc.string({ unit: 'binary', maxLength: 8 }),
);
const birth = fc.constantFrom('2026-01-01 00:00:00', '2026-02-02 00:00:00', null);
const ids = fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 6 });
const maybeOf = (choices: readonly number[]) =>
	fc.option(fc.constantFrom(...choices, 0).map((id) => (id === 0 ? null : id)));

const worlds: fc.Arbitrary<World> = fc
	.record({ pages: ids, proxies: ids, browsers: ids, monitors: ids })
	.chain(({ pages, proxies, browsers, monitors }) =>
		fc.record({
			page: fc
				.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), {
					minLength: pages.length,
					maxLength: pages.length,
				})
				.chain((slugs) =>
					fc.tuple(
						...pages.map((id, i) =>
							fc.record({ id: fc.constant(id), slug: fc.constant(slugs[i] ?? ''), css: fc.option(text) }),
						),
					),
				),
			proxy: fc.tuple(
				...proxies.map((id) =>
					fc.record({ id: fc.constant(id), host: fc.option(text), created_date: birth }),
				),
			),
			browser: fc.tuple(...browsers.map((id) => fc.record({ id: fc.constant(id), url: fc.option(text) }))),
			monitor: fc.tuple(
				...monitors.map((id, i) =>
					fc.record({
						id: fc.constant(id),
						name: fc.option(text),
						active: fc.constantFrom(0, 1),
						weight: fc.option(
							fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
						),
						// Any order of ids, but no circle: a monitor's group is one that stands before it.
						parent: maybeOf(monitors.slice(0, i)),
						proxy_id: maybeOf(proxies),
						browser: maybeOf(browsers),
						created_date: birth,
						last_result: fc.option(text),
						filled_in: fc.option(text),
					}),
				),
			),
			link:
				monitors.length === 0 || pages.length === 0
					? fc.constant([])
					: ids.chain((links) =>
							fc.tuple(
								...links.map((id) =>
									fc.record({
										id: fc.constant(id),
										monitor_id: fc.constantFrom(...monitors),
										page_id: fc.constantFrom(...pages),
										value: fc.option(text),
									}),
								),
							),
						),
		}),
	);

function fill(path: string, world: World): void {
	const connection = new DatabaseSync(path);
	connection.exec('PRAGMA foreign_keys = OFF');
	for (const table of ['heartbeat', ...CATALOG.map(({ name }) => name)])
		connection.exec(`DELETE FROM ${table}`);
	for (const [table, rows] of Object.entries(world)) {
		for (const row of rows) {
			const columns = Object.keys(row);
			connection
				.prepare(`INSERT INTO ${table} (${columns.join()}) VALUES (${columns.map(() => '?').join()})`)
				.run(...Object.values(row));
		}
	}
	for (const { id } of world.monitor ?? [])
		connection.prepare('INSERT INTO heartbeat (monitor_id) VALUES (?)').run(id as number);
	connection.close();
}

async function take(database: Database) {
	const taken = await database.read((reader) => takeTables(reader, CATALOG));
	const content = await toContent({ taken, catalog: CATALOG, timezone: 'UTC', readUpload: async () => null });
	return { taken, content };
}

async function emptyWorlds() {
	const directory = await temporaryDirectory();
	const paths = ['leader', 'replica'].map((name) => join(directory, `${name}.db`));
	for (const path of paths) {
		const connection = new DatabaseSync(path);
		connection.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${SCHEMA}`);
		connection.close();
	}
	const [leaderPath = '', replicaPath = ''] = paths;
	return {
		leaderPath,
		replicaPath,
		leader: await openDatabase({ type: 'sqlite', path: leaderPath }),
		replica: await openDatabase({ type: 'sqlite', path: replicaPath }),
	};
}

async function planFor(
	leader: Database,
	replica: Database,
	options: {
		keepsLocalEntities?: boolean;
		previousKeys?: ReadonlyMap<string, ReadonlySet<string>>;
		reversed?: boolean;
	} = {},
) {
	const { content } = await take(leader);
	const { taken } = await take(replica);
	const tables = options.reversed
		? content.tables.map((table) => ({ ...table, rows: table.rows.toReversed() }))
		: content.tables;
	return makePlan({
		catalog: CATALOG,
		target: { content: { ...content, tables }, fileHashes: new Map() },
		current: { schema: taken.schema, tables: taken.tables, settings: taken.settings, files: new Map() },
		previous: options.previousKeys === undefined ? null : { keys: options.previousKeys, filePaths: [] },
		keepsLocalEntities: options.keepsLocalEntities ?? false,
		pausesPushMonitors: false,
		monitorTypes: null,
	});
}

const apply = async (plan: Awaited<ReturnType<typeof planFor>>, database: Database) =>
	applyPlan({ plan, database });

test('applying the plan from any state to any other gives the other, and planning again gives nothing', async () => {
	const { leader, replica, leaderPath, replicaPath } = await emptyWorlds();

	await fc.assert(
		fc.asyncProperty(worlds, worlds, async (wanted, found) => {
			fill(leaderPath, wanted);
			fill(replicaPath, found);

			await apply(await planFor(leader, replica), replica);

			const [left, right] = [(await take(leader)).content.tables, (await take(replica)).content.tables];
			for (const [index, table] of left.entries()) {
				expect(withoutDerived(right[index]?.rows, table), table.name).toEqual(
					withoutDerived(table.rows, table),
				);
			}
			expect((await planFor(leader, replica)).steps).toEqual([]);
		}),
		{ numRuns: 150 },
	);
});

function withoutDerived(
	rows: readonly (readonly Value[])[] | undefined,
	table: { readonly name: string; readonly columns: readonly { readonly name: string }[] },
): unknown {
	const derived = table.columns.findIndex(({ name }) => name === 'filled_in');
	return rows?.map((row) => row.filter((_value, index) => index !== derived));
}

test('the order of rows in a snapshot changes nothing', async () => {
	const { leader, replica, leaderPath, replicaPath } = await emptyWorlds();

	await fc.assert(
		fc.asyncProperty(worlds, worlds, async (wanted, found) => {
			fill(leaderPath, wanted);
			fill(replicaPath, found);

			await apply(await planFor(leader, replica, { reversed: true }), replica);

			expect((await planFor(leader, replica)).steps).toEqual([]);
		}),
		{ numRuns: 50 },
	);
});

test('a database equals itself: the plan is empty', async () => {
	const { leader, leaderPath } = await emptyWorlds();

	await fc.assert(
		fc.asyncProperty(worlds, async (world) => {
			fill(leaderPath, world);

			const plan = await planFor(leader, leader);

			expect(plan.isEmpty).toBe(true);
			expect(plan.changes).toEqual([]);
		}),
		{ numRuns: 50 },
	);
});

test('the history of monitors that stay is untouched, whatever else changes', async () => {
	const { leader, replica, leaderPath, replicaPath } = await emptyWorlds();
	const historyOf = () => {
		const connection = new DatabaseSync(replicaPath);
		const found = connection.prepare('SELECT monitor_id FROM heartbeat ORDER BY 1').all();
		connection.close();
		return found.map((row) => row.monitor_id);
	};

	await fc.assert(
		fc.asyncProperty(worlds, worlds, async (wanted, found) => {
			fill(leaderPath, wanted);
			fill(replicaPath, found);
			const stay = (found.monitor ?? []).filter(({ id, created_date }) =>
				wanted.monitor?.some((row) => row.id === id && row.created_date === created_date),
			);

			await apply(await planFor(leader, replica), replica);

			expect(historyOf()).toEqual(stay.map(({ id }) => id as number).sort((a, b) => a - b));
		}),
		{ numRuns: 80 },
	);
});

test('volatile columns of rows that stay are the replica’s own', async () => {
	const { leader, replica, leaderPath, replicaPath } = await emptyWorlds();

	await fc.assert(
		fc.asyncProperty(worlds, worlds, async (wanted, found) => {
			fill(leaderPath, wanted);
			fill(replicaPath, found);

			await apply(await planFor(leader, replica), replica);

			const connection = new DatabaseSync(replicaPath);
			const after = connection
				.prepare('SELECT id, CAST(last_result AS BLOB) AS bytes, created_date FROM monitor')
				.all();
			connection.close();
			for (const row of after) {
				const own = found.monitor?.find(
					({ id, created_date }) => id === row.id && created_date === row.created_date,
				);
				const expected = own?.last_result ?? null;
				const bytes = row.bytes as Uint8Array | null;
				expect(bytes === null ? null : Buffer.from(bytes).toString('utf8')).toBe(
					expected === null ? null : Buffer.from(String(expected), 'utf8').toString('utf8'),
				);
			}
		}),
		{ numRuns: 80 },
	);
});

test('local entities: additions and deletions arrive, edits of what the replica has do not, recreated ones arrive fresh', async () => {
	const { leader, replica, leaderPath, replicaPath } = await emptyWorlds();

	await fc.assert(
		fc.asyncProperty(worlds, worlds, worlds, async (before, wanted, found) => {
			const previousKeys = new Map(
				Object.entries(before).map(([table, rows]) => [table, new Set(rows.map(({ id }) => String(id)))]),
			);
			fill(leaderPath, wanted);
			fill(replicaPath, found);

			await apply(await planFor(leader, replica, { keepsLocalEntities: true, previousKeys }), replica);

			const after = new Map((await take(replica)).taken.tables.map((table) => [table.name, table]));
			const hosts = new Map(after.get('proxy')?.rows.map(([id, host]) => [id, host]));
			const urls = new Map(after.get('browser')?.rows.map(([id, url]) => [id, url]));
			expect([...hosts.keys()].sort()).toEqual((wanted.proxy ?? []).map(({ id }) => id).sort());
			expect([...urls.keys()].sort()).toEqual((wanted.browser ?? []).map(({ id }) => id).sort());
			for (const row of wanted.proxy ?? []) {
				const own = found.proxy?.find(
					({ id, created_date }) => id === row.id && created_date === row.created_date,
				);
				expect(hosts.get(row.id ?? null)).toBe((own ?? row).host);
			}
			for (const row of wanted.browser ?? []) {
				const isKnown = previousKeys.get('browser')?.has(String(row.id)) === true;
				const own = isKnown ? found.browser?.find(({ id }) => id === row.id) : undefined;
				expect(urls.get(row.id ?? null)).toBe((own ?? row).url);
			}
			const monitors = after.get('monitor');
			const proxyColumn = monitors?.columns.findIndex(({ name }) => name === 'proxy_id') ?? -1;
			for (const row of wanted.monitor ?? []) {
				expect(monitors?.rows.find(([id]) => id === row.id)?.[proxyColumn]).toBe(row.proxy_id);
			}
		}),
		{ numRuns: 100 },
	);
});
