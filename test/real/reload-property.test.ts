import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CATALOG } from '../../src/catalog/index.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { NO_CHANGES } from '../../src/model/agent-protocol.ts';
import type { Database } from '../../src/model/database.ts';
import type { Reload } from '../../src/model/reload.ts';
import { applySnapshot } from '../../src/replica/apply-snapshot.ts';
import { encodeContent, makeManifest } from '../../src/snapshot/encode.ts';
import { takeTables, toContent } from '../../src/snapshot/take.ts';
import { compareMemory } from '../kit/compare-memory.ts';
import { type HttpTarget, startHttpTarget } from '../kit/http-target.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { type KumaWithAgent, type RunOnKuma, startKumaWithAgent } from '../kit/kuma-with-agent.ts';
import { openKumaDatabase } from '../kit/open-kuma-database.ts';
import { PLAIN_APPLY } from '../kit/plain-apply.ts';
import { testInstance } from '../kit/test-instance.ts';

const RUNS = Number(process.env.PROPERTY_RUNS ?? 25);
const SOON_MS = 60_000;
/** So that the same few are added, changed, replaced and removed again and again. */
const IDS_MAX = 4;

const id = fc.integer({ min: 1, max: IDS_MAX });
const flag = fc.integer({ min: 0, max: 1 });

/** What people do on the leader. */
const edit = fc.oneof(
	fc.record({ kind: fc.constant('monitor' as const), id, active: flag, path: fc.nat(9) }),
	fc.record({ kind: fc.constant('other monitor' as const), id }),
	fc.record({ kind: fc.constant('no monitor' as const), id }),
	fc.record({
		kind: fc.constant('maintenance' as const),
		id,
		strategy: fc.constantFrom('manual', 'recurring-weekday'),
		timezone: fc.constantFrom('SAME_AS_SERVER', 'Asia/Tokyo'),
		hour: fc.integer({ min: 0, max: 23 }),
	}),
	fc.record({ kind: fc.constant('no maintenance' as const), id }),
	fc.record({ kind: fc.constant('status page' as const), id, domain: fc.constantFrom('a', 'b', 'c') }),
	fc.record({ kind: fc.constant('no status page' as const), id }),
	fc.record({ kind: fc.constant('tag' as const), id }),
	fc.record({ kind: fc.constant('API key' as const), id }),
	fc.record({ kind: fc.constant('password' as const), hash: fc.nat(9) }),
);

/** What happens meanwhile. */
const trouble = fc.oneof(
	{ weight: 3, arbitrary: fc.constant({ kind: 'none' as const }) },
	fc.record({
		kind: fc.constant('database' as const),
		table: fc.constantFrom('monitor', 'maintenance', 'tag'),
		times: fc.integer({ min: 1, max: 3 }),
	}),
	fc.record({ kind: fc.constant('domains' as const), times: fc.integer({ min: 1, max: 2 }) }),
	fc.record({ kind: fc.constant('start' as const), times: fc.integer({ min: 1, max: 4 }) }),
	{
		weight: 3,
		arbitrary: fc.record({
			kind: fc.constant('death' as const),
			when: fc.constantFrom('unheard', 'before the transaction', 'after the transaction'),
		}),
	},
);

const cycle = fc.record({
	edits: fc.array(edit, { minLength: 1, maxLength: 6 }),
	timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York'),
	trouble,
});
type Edit = typeof edit extends fc.Arbitrary<infer Value> ? Value : never;
type Cycle = typeof cycle extends fc.Arbitrary<infer Value> ? Value : never;

/** One Kuma for all of it: each run goes on from what the one before has left. */
describe('after reloads that fail, and are tried again', () => {
	let running: KumaWithAgent;
	let target: HttpTarget;
	let leader: DatabaseSync;
	let leaderDatabase: Database;
	let database: Database;
	let run: RunOnKuma;
	let created = 0;

	beforeAll(async () => {
		target = await startHttpTarget();
		running = await startKumaWithAgent({ TZ: 'UTC' });
		await setUp(running.kuma.url);
		const { dataDirectory } = running.kuma;
		database = await openKumaDatabase(dataDirectory);
		const path = join(dataDirectory, 'leader.db');
		const own = new DatabaseSync(join(dataDirectory, 'kuma.db'));
		own.exec(`VACUUM INTO '${path}'`);
		own.close();
		leader = new DatabaseSync(path);
		leaderDatabase = await openDatabase({ type: 'sqlite', path });
		run = await running.begin();
	});
	afterAll(async () => {
		await run?.die();
		leader?.close();
		await database?.close();
		await leaderDatabase?.close();
		await running?.discard();
		await target?.stop();
	});

	function insertMonitor(monitor: number): void {
		created += 1;
		const at = new Date(Date.UTC(2026, 0, 1) + created * 1_000).toISOString().slice(0, 19).replace('T', ' ');
		leader
			.prepare(
				'INSERT INTO monitor (id, name, active, user_id, interval, url, type, created_date) VALUES (?, ?, 1, 1, 3600, ?, ?, ?)',
			)
			.run(monitor, `Monitor ${monitor}`, `${target.url}${created}`, 'http', at);
	}

	function carryOut(wanted: Edit): void {
		const has = (table: string, key: number) =>
			leader.prepare(`SELECT id FROM ${table} WHERE id = ?`).get(key) !== undefined;
		const remove = (table: string, key: number) =>
			leader.prepare(`DELETE FROM ${table} WHERE id = ?`).run(key);
		switch (wanted.kind) {
			case 'monitor':
				if (!has('monitor', wanted.id)) insertMonitor(wanted.id);
				leader
					.prepare('UPDATE monitor SET active = ?, url = ? WHERE id = ?')
					.run(wanted.active, `${target.url}${wanted.path}`, wanted.id);
				return;
			case 'other monitor':
				remove('monitor', wanted.id);
				insertMonitor(wanted.id);
				return;
			case 'no monitor':
				remove('monitor', wanted.id);
				return;
			case 'maintenance': {
				const isManual = wanted.strategy === 'manual';
				remove('maintenance', wanted.id);
				leader
					.prepare(
						"INSERT INTO maintenance (id, title, description, user_id, active, strategy, weekdays, start_time, end_time, cron, duration, timezone) VALUES (?, ?, '', 1, 1, ?, '[0,1,2,3,4,5,6]', ?, ?, ?, ?, ?)",
					)
					.run(
						wanted.id,
						`Maintenance at ${wanted.hour}`,
						wanted.strategy,
						`${wanted.hour}:00`,
						`${wanted.hour}:59`,
						isManual ? '' : `0 ${wanted.hour} * * 0,1,2,3,4,5,6`,
						isManual ? 0 : 3_540,
						wanted.timezone,
					);
				return;
			}
			case 'status page':
				remove('status_page', wanted.id);
				leader.prepare('DELETE FROM status_page_cname WHERE domain = ?').run(`${wanted.domain}.test`);
				leader
					.prepare(
						"INSERT INTO status_page (id, slug, title, icon, theme, published) VALUES (?, ?, 'Page', '/icon.svg', 'auto', 1)",
					)
					.run(wanted.id, `page-${wanted.id}`);
				leader
					.prepare('INSERT INTO status_page_cname (status_page_id, domain) VALUES (?, ?)')
					.run(wanted.id, `${wanted.domain}.test`);
				return;
			case 'tag':
				if (!has('tag', wanted.id))
					leader
						.prepare("INSERT INTO tag (id, name, color) VALUES (?, ?, '#fff')")
						.run(wanted.id, `tag ${wanted.id}`);
				if (has('monitor', wanted.id))
					leader
						.prepare("INSERT INTO monitor_tag (monitor_id, tag_id, value) VALUES (?, ?, '')")
						.run(wanted.id, wanted.id);
				return;
			case 'API key':
				if (!has('api_key', wanted.id))
					leader
						.prepare("INSERT INTO api_key (id, key, name, user_id, active) VALUES (?, 'hash', 'key', 1, 1)")
						.run(wanted.id);
				return;
			case 'password':
				leader.prepare('UPDATE user SET password = ? WHERE id = 1').run(`hash ${wanted.hash}`);
				return;
			case 'no maintenance':
			case 'no status page':
				remove(wanted.kind === 'no maintenance' ? 'maintenance' : 'status_page', wanted.id);
				return;
		}
	}

	/** One cycle of a replica: the leader's tables, applied to those of the Kuma, whose reload may be cut short. */
	async function follow(timezone: string, reload: Reload): Promise<void> {
		const taken = await leaderDatabase.read((reader) => takeTables(reader, CATALOG));
		const content = await toContent({ taken, catalog: CATALOG, timezone, readUpload: async () => null });
		const origin = {
			productVersion: '0.0.0',
			kumaVersion: null,
			databaseKind: 'sqlite',
			hostname: 'leader',
			instanceId: 'leader',
			timezone,
		} as const;
		const encoded = encodeContent(content);
		const manifest = makeManifest({ encoded, origin, parent: null, createdAt: new Date().toISOString() });
		const result = await applySnapshot({
			instance: testInstance({ database }),
			database,
			reload,
			snapshot: { manifest, content },
			...PLAIN_APPLY,
			allowsDeletes: true,
		});
		if (result.outcome === 'unchanged') await reload.settle(timezone);
	}

	/** The run that goes on, or dies at some point of a cycle. */
	function dying(when: string): Reload {
		const { reload } = run;
		const die = async () => {
			await run.die();
			throw new Error('killed');
		};
		return {
			...reload,
			stop: async (plan) => {
				if (when === 'unheard') return;
				await reload.stop(plan);
				if (when === 'before the transaction') await die();
			},
			reload: () => die(),
			resume: async () => undefined,
		};
	}

	async function goThrough({ edits, timezone, trouble: met }: Cycle): Promise<void> {
		for (const each of edits) carryOut(each);
		const { memory } = running;
		if (met.kind === 'database') await memory.fail('find', met.times, met.table);
		if (met.kind === 'domains') await memory.fail('load', met.times);
		if (met.kind === 'start') await memory.fail('start', met.times);
		const reload = met.kind === 'death' ? dying(met.when) : run.reload;
		// What fails is looked at by the next cycle, as the loop does.
		await follow(timezone, reload).catch(() => undefined);
		if (met.kind !== 'death') return;
		await run.die();
		run = await running.begin();
		await run.reload.adopt(run.agent.hello?.pid ?? 0);
	}

	test('what Kuma has in its memory equals its tables', async () => {
		await fc.assert(
			fc.asyncProperty(fc.array(cycle, { minLength: 1, maxLength: 5 }), async (cycles) => {
				const { memory, kuma } = running;
				for (const each of cycles) await goThrough(each);
				for (const what of ['find', 'load', 'start'] as const) await memory.fail(what, 0);
				const timezone = cycles.at(-1)?.timezone ?? 'UTC';
				await follow(timezone, run.reload);
				// What is tried again by itself only after a while.
				await run.agent.ask({ method: 'reload', changes: NO_CHANGES });

				const { dataDirectory } = kuma;
				const differences = async () => compareMemory(await memory.read(), { dataDirectory, timezone });
				// A check that was under way when its monitor went ends a moment later.
				await vi.waitFor(async () => expect(await differences()).toEqual([]), { timeout: SOON_MS });
				expect(run.agent.hello?.problems ?? []).toEqual([]);
			}),
			{ numRuns: RUNS, endOnFailure: true },
		);
	});
});

async function setUp(url: string): Promise<void> {
	const client = await KumaClient.connect(url);
	await client.setup('admin', 'secret-12345');
	client.close();
}
