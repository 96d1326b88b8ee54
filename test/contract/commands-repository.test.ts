import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { CATALOG } from '../../src/catalog/index.ts';
import type { CycleReport } from '../../src/model/status.ts';
import { describeChange } from '../../src/plan/words/describe-plan.ts';
import type { ShownChange } from '../../src/plan/words/shown-changes.ts';
import { emptySqliteCatalog } from '../kit/empty-catalog.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { lastingRows } from '../kit/lasting-rows.ts';
import { recordingRestic } from '../kit/recording-restic.ts';
import { expectFailure, runCommand } from '../kit/run-command.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { makeWeakRepository, TEST_PASSWORD, weakenRepository } from '../kit/weak-repository.ts';

const FIXTURE = 'plain-2.3.2.sqlite.db.gz';
const NTFY_TOKEN = 'tk_nobody_may_see_this';
/** Dozens of processes one after the other, each of which derives a key from a password. */
const LONG = { timeout: 240_000 };

interface Place {
	readonly dataDirectory: string;
	readonly path: string;
	readonly env: Readonly<Record<string, string>> & { readonly RESTIC_REPOSITORY: string };
}

/** A data directory and an environment whose repository does not exist yet. */
async function makePlace(mode: 'BACKUP' | 'RESTORE', repository?: string): Promise<Place> {
	const dataDirectory = await temporaryDirectory('data');
	const path = await unpackSqlite(FIXTURE, dataDirectory);
	const env = {
		DATA_DIR: dataDirectory,
		REPLICATOR_MODE: mode,
		REPLICATOR_HOSTNAME: `host-of-${mode.toLowerCase()}`,
		RESTIC_REPOSITORY: repository ?? join(dataDirectory, 'repository'),
		RESTIC_PASSWORD: TEST_PASSWORD,
	};
	return { dataDirectory, path, env };
}

async function makeEmptyReplica(leader: Place): Promise<Place> {
	const replica = await makePlace('RESTORE', leader.env.RESTIC_REPOSITORY);
	emptySqliteCatalog(replica.path);
	return replica;
}

function runSql(place: Place, sql: string): void {
	const connection = new DatabaseSync(place.path);
	try {
		connection.exec(sql);
	} finally {
		connection.close();
	}
}

async function runJson<Result>(arguments_: readonly string[], place: Place): Promise<Result> {
	const end = await runCommand([...arguments_, '--json'], place.env);
	expect(end).toMatchObject({ exitCode: 0 });
	// What is logged meanwhile must not stand in what a script reads.
	return JSON.parse(end.stdout) as Result;
}

interface Difference {
	readonly title: string;
	readonly changes: readonly ShownChange[];
	readonly heldRows: readonly unknown[];
}

test('backup, snapshots, diff, restore --dry-run and restore tell one story to scripts', LONG, async () => {
	const leader = await makePlace('BACKUP');
	const replica = await makeEmptyReplica(leader);
	const id = expect.stringMatching(/^[0-9a-f]{64}$/);
	const ms = expect.any(Number);

	const first = await runCommand(['backup', '--json'], leader.env);
	await weakenRepository(leader.env.RESTIC_REPOSITORY, TEST_PASSWORD);
	const again = await runJson<CycleReport>(['backup'], leader);
	runSql(leader, "UPDATE monitor SET name = 'Renamed', url = 'https://user:new-passw0rd@x/' WHERE id = 2");
	const unpublished = await runJson<Difference>(['diff'], leader);
	const second = await runJson<CycleReport>(['backup'], leader);
	const list = await runJson<readonly Record<string, unknown>[]>(['snapshots'], replica);
	const between = await runJson<Difference>(['diff', String(list[1]?.id).slice(0, 8), 'latest'], replica);
	const toCome = await runJson<Difference>(['diff'], replica);
	const dryRun = await runJson<CycleReport>(['restore', '--dry-run'], replica);
	const beforeRestore = await lastingRows({ type: 'sqlite', path: replica.path });
	const restored = await runJson<CycleReport>(['restore'], replica);
	const restoredAgain = await runJson<CycleReport>(['restore'], replica);
	const older = await runJson<CycleReport>(['restore', String(list[1]?.id).slice(0, 8)], replica);

	expect(first.exitCode).toBe(0);
	expect(JSON.parse(first.stdout)).toEqual({
		outcome: 'published',
		summary: expect.stringContaining('(generation 1, from host-of-backup)'),
		needsDecision: false,
		details: [],
		heldRows: [],
		snapshotId: id,
		stages: { export: ms, poll: ms, publish: ms, check: ms },
	});
	expect(again).toMatchObject({ outcome: 'unchanged', snapshotId: JSON.parse(first.stdout).snapshotId });
	expect(second).toMatchObject({ outcome: 'published', snapshotId: id });
	const renamed = [
		{
			kind: 'changed',
			what: 'row',
			table: 'monitor',
			noun: 'monitor',
			key: [2],
			title: 'Renamed',
			isNamed: true,
			columns: [
				{ column: 'name', isMasked: false, before: expect.any(String), after: 'Renamed' },
				{ column: 'url', isMasked: true },
			],
		},
	];
	expect(unpublished.changes).toEqual(renamed);
	expect(between.changes).toEqual(renamed);
	expect(list).toEqual([
		expect.objectContaining({
			id: second.snapshotId,
			generation: 2,
			hostname: 'host-of-backup',
			isHead: true,
			parentId: again.snapshotId,
			changes: 'monitor "Renamed" changed',
		}),
		expect.objectContaining({ id: again.snapshotId, isHead: false, changes: 'the first snapshot' }),
	]);
	expect(dryRun).toMatchObject({ outcome: 'planned', needsDecision: false });
	expect(dryRun.details).toEqual(toCome.changes.map(describeChange));
	expect(dryRun.details).toContain('+ monitor "Renamed" (id 2)');
	expect(beforeRestore.get('monitor')).toEqual([]);
	expect(restored).toMatchObject({ outcome: 'applied', snapshotId: second.snapshotId, heldRows: [] });
	expect(restoredAgain.stages).toEqual({ poll: ms, plan: ms });
	expect(older.stages).toEqual({ poll: ms, fetch: ms, plan: ms, apply: ms, reload: ms });
	expect(restoredAgain).toMatchObject({ outcome: 'unchanged', details: [] });
	expect(older).toMatchObject({ outcome: 'applied', snapshotId: again.snapshotId });
	expect(older.details).toEqual([expect.stringMatching(/^~ monitor ".*" \(id 2\): name "Renamed" → /)]);
	const [held, wanted] = [replica, leader].map(({ path }) => lastingRows({ type: 'sqlite', path }));
	expect((await held)?.get('user')).toEqual((await wanted)?.get('user'));
});

test('people read ids, generations, the local time with its zone, ages and changes', async () => {
	const leader = await makePlace('BACKUP');
	await makeWeakRepository(leader.env.RESTIC_REPOSITORY);
	await runJson(['backup'], leader);

	const { stdout } = await runCommand(['snapshots'], leader.env);

	expect(stdout).toMatch(/^ *Snapshot +Gen\. +Published +Age +Leader +Kuma +Changes$/m);
	expect(stdout).toMatch(
		/^ *[0-9a-f]{8} \* +1 +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:CES?T|GMT\+[12]) +\d+ s +host-of-backup +\? +the first snapshot$/m,
	);
});

test('what a person must decide exits with 3, names the ways out, and changes nothing', async () => {
	const leader = await makePlace('BACKUP');
	const stranger = await makePlace('BACKUP', leader.env.RESTIC_REPOSITORY);
	const replica = await makePlace('RESTORE', leader.env.RESTIC_REPOSITORY);
	await makeWeakRepository(leader.env.RESTIC_REPOSITORY);
	await runJson(['backup'], leader);
	runSql(stranger, "UPDATE tag SET name = 'of the other leader' WHERE id = 1");
	runSql(replica, "UPDATE monitor SET created_date = '2001-01-01 00:00:00'");
	const before = await lastingRows({ type: 'sqlite', path: replica.path });

	const standsDown = await runCommand(['backup', '--json'], stranger.env);
	const text = await runCommand(['backup'], stranger.env);
	const held = await runCommand(['restore', '--json'], replica.env);
	const dryRun = await runCommand(['restore', '--dry-run'], replica.env);

	expect(standsDown.exitCode).toBe(3);
	expect(JSON.parse(standsDown.stdout)).toMatchObject({ outcome: 'stood-down', needsDecision: true });
	expect(text).toMatchObject({ exitCode: 3, stderr: '' });
	expect(text.stdout).toMatch(/replicator-kuma restore.*replicator-kuma backup --take-over/);
	expect(held.exitCode).toBe(3);
	expect(JSON.parse(held.stdout)).toMatchObject({
		outcome: 'held',
		summary: expect.stringContaining('replicator-kuma restore --allow-deletes'),
	});
	expect(dryRun).toMatchObject({ exitCode: 3, stdout: expect.stringContaining('It would be held') });
	expect(await lastingRows({ type: 'sqlite', path: replica.path })).toEqual(before);
});

test('no secret is shown by any command, nor by the command line of restic', LONG, async () => {
	const restic = await recordingRestic();
	const made = await makePlace('BACKUP');
	const env = { ...made.env, PATH: restic.path, NTFY_URL: 'http://127.0.0.1:1/secret-topic', NTFY_TOKEN };
	const leader = { ...made, env };
	const replica = await makeEmptyReplica(leader);
	const follower = { ...replica, env: { ...env, ...replica.env, PATH: restic.path } };
	const outputs: string[] = [];
	const run = async (place: Place, ...arguments_: string[]) => {
		const { stdout, stderr } = await runCommand(arguments_, { ...place.env, REPLICATOR_LOG_LEVEL: 'debug' });
		outputs.push(stdout, stderr);
	};

	await run(leader, 'backup', '--json');
	await weakenRepository(env.RESTIC_REPOSITORY, TEST_PASSWORD);
	await run(follower, 'restore');
	const before = secretsOf(leader);
	changeSecrets(leader);
	const after = secretsOf(leader);
	for (const json of [[], ['--json']]) {
		await run(leader, 'diff', ...json);
		await run(leader, 'doctor', ...json);
		await run(leader, 'status', ...json);
		await run(leader, 'backup', ...json);
		await run(follower, 'diff', ...json);
		await run(follower, 'snapshots', ...json);
		await run(follower, 'restore', '--dry-run', ...json);
		await run(leader, 'export', join(await temporaryDirectory('export'), 'x'), ...json);
	}
	const exported = join(await temporaryDirectory('export'), 'x');
	await run(leader, 'export', exported);
	await run(follower, 'import', exported, '--dry-run');
	await run(follower, 'import', exported, '--json');

	const commandLines = await restic.commandLines();
	const shown = [...outputs, ...commandLines].join('\n');
	expect(before.length).toBeGreaterThan(8);
	expect(after).not.toEqual(before);
	expect(shown).toContain('config ***');
	expect(shown).toContain('password ***');
	expect(commandLines.some((line) => line.includes('restic backup '))).toBe(true);
	for (const secret of [...before, ...after, TEST_PASSWORD, NTFY_TOKEN, 'secret-topic']) {
		expect(shown.includes(secret), `a secret of ${secret.length} characters is shown`).toBe(false);
	}
});

/** Every value of the columns that hold secrets, and what stands in the configuration of notifications. */
function secretsOf({ path }: Place): string[] {
	const connection = new DatabaseSync(path, { readOnly: true });
	try {
		return SECRET_COLUMNS.flatMap(([table, column]) =>
			connection
				.prepare(`SELECT \`${column}\` AS secret FROM \`${table}\``)
				.all()
				.flatMap(({ secret }) => secretsIn(secret)),
		);
	} finally {
		connection.close();
	}
}

const SECRET_COLUMNS = [
	['user', 'password'],
	['api_key', 'key'],
	['proxy', 'password'],
	['notification', 'config'],
	['remote_browser', 'url'],
	['monitor', 'basic_auth_pass'],
	['monitor', 'headers'],
	['monitor', 'push_token'],
	['monitor', 'database_connection_string'],
] as const;

function secretsIn(value: unknown): string[] {
	if (typeof value !== 'string' || value.length < 4) return [];
	if (!value.startsWith('{')) return [value];
	const { webhookAdditionalHeaders, slackwebhookURL, smtpPassword } = JSON.parse(value) as Record<
		string,
		string
	>;
	return [value, webhookAdditionalHeaders, slackwebhookURL, smtpPassword].filter(
		(text) => text !== undefined,
	);
}

function changeSecrets(place: Place): void {
	runSql(place, "UPDATE monitor SET basic_auth_pass = 'new-basic-pass', push_token = 'new-push-token-9'");
	runSql(place, "UPDATE monitor SET headers = 'x-token: new-header-token' WHERE id < 10");
	for (const [table, column] of SECRET_COLUMNS) {
		if (table === 'monitor') continue;
		const change = column === 'config' ? '\'{"smtpPassword":"new-smtp-pass"}\'' : `'new-' || \`${column}\``;
		runSql(place, `UPDATE \`${table}\` SET \`${column}\` = ${change} WHERE \`${column}\` IS NOT NULL`);
	}
}

describe.each([
	['backup', 'BACKUP'],
	['restore', 'RESTORE'],
	['snapshots', 'RESTORE'],
	['diff', 'RESTORE'],
] as const)('%s says what is wrong and changes nothing', (command, mode) => {
	async function expectUnchanged(place: Place, wanted: Parameters<typeof expectFailure>[1]): Promise<void> {
		const before = await lastingRows({ type: 'sqlite', path: place.path });

		const end = await runCommand([command], place.env);

		expectFailure(end, wanted);
		expect(end.stdout).toBe('');
		expect(await lastingRows({ type: 'sqlite', path: place.path })).toEqual(before);
	}

	test('with a wrong password', async () => {
		const place = await makePlace(mode);
		await makeWeakRepository(place.env.RESTIC_REPOSITORY);
		const env = { ...place.env, RESTIC_PASSWORD: 'not-the-password' };

		await expectUnchanged(
			{ ...place, env },
			{
				exitCode: 1,
				message: /The password does not open the repository/,
				hint: /Check RESTIC_PASSWORD/,
			},
		);
	});

	test('without restic', async () => {
		const place = await makePlace(mode);
		const env = { ...place.env, PATH: await temporaryDirectory('empty') };

		await expectUnchanged(
			{ ...place, env },
			{ exitCode: 1, message: /restic could not be started/, hint: /apt-get install restic/ },
		);
	});

	test('with a repository that cannot be reached', async () => {
		const place = await makePlace(mode, 'rest:http://127.0.0.1:1/');

		await expectUnchanged(place, {
			exitCode: 1,
			message: /The repository cannot be reached/,
			hint: /Check the address/,
		});
	});
});

test.each(['restore', 'snapshots', 'diff'])(
	'%s does not take a missing repository for an empty one',
	async (command) => {
		const { env } = await makePlace('RESTORE');

		const end = await runCommand([command], env);

		expectFailure(end, {
			exitCode: 1,
			message: /There is no repository/,
			hint: /Check RESTIC_REPOSITORY/,
		});
	},
);

test.each(['restore', 'diff'])('%s of a snapshot that is not there says where to look', async (command) => {
	const { env } = await makePlace('RESTORE');
	await makeWeakRepository(env.RESTIC_REPOSITORY);

	const end = await runCommand([command, 'ffffffff'], env);

	expectFailure(end, {
		exitCode: 1,
		message: /No snapshot of this fleet has an id that begins with ffffffff/,
		hint: /replicator-kuma snapshots/,
	});
});

test('backup and restore of a Kuma that is not set up yet do nothing, and are no failures', async () => {
	const { env: made } = await makePlace('BACKUP');
	const env = { ...made, DATA_DIR: await temporaryDirectory('data') };

	for (const command of ['backup', 'restore']) {
		const end = await runCommand([command], env);

		expect(end).toMatchObject({ exitCode: 0, stderr: '' });
		expect(end.stdout).toMatch(/Kuma's database is not set up yet/);
	}
});

test('a broken db-config.json is told without what stands in it', async () => {
	const leader = await makePlace('BACKUP');
	await makeWeakRepository(leader.env.RESTIC_REPOSITORY);
	await runJson(['backup'], leader);
	await writeFile(
		join(leader.dataDirectory, 'db-config.json'),
		'{"type":"mariadb","password":"db-passw0rd",}',
	);

	for (const command of ['backup', 'restore', 'diff']) {
		const end = await runCommand([command], leader.env);

		expectFailure(end, {
			exitCode: 1,
			message: /db-config\.json cannot be used: it is not a JSON object/,
			hint: /Let Uptime Kuma write it/,
		});
		expect(end.stderr).not.toContain('db-passw0rd');
	}
});

test('a state file that is damaged is not replaced by another identity', async () => {
	const leader = await makePlace('BACKUP');
	await makeWeakRepository(leader.env.RESTIC_REPOSITORY);
	await runJson(['backup'], leader);
	const stateFile = join(leader.dataDirectory, 'replicator-kuma', 'state.json');
	await writeFile(stateFile, '{"formatVersion":1,');

	const end = await runCommand(['backup'], leader.env);

	expectFailure(end, { exitCode: 1, message: /state\.json is damaged/, hint: /Put it back from a backup/ });
	expect(await readFile(stateFile, 'utf8')).toBe('{"formatVersion":1,');
});

test('every table of the catalog masks the columns that hold its secrets', () => {
	for (const [table, column] of SECRET_COLUMNS) {
		expect(CATALOG.find(({ name }) => name === table)?.shownColumns, `${table}.${column}`).not.toContain(
			column,
		);
	}
});
