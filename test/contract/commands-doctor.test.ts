import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { firstLine } from '../kit/first-line.ts';
import { unpackSqlite } from '../kit/fixtures.ts';
import { lastingRows } from '../kit/lasting-rows.ts';
import { publishAsOriginal } from '../kit/legacy-repository.ts';
import { createdRepository, testPublication, testTree } from '../kit/restic.ts';
import { expectFailure, runCommand } from '../kit/run-command.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

interface Diagnosis {
	readonly configuration: readonly { readonly name: string; readonly value: string | null }[] | null;
	readonly findings: readonly {
		readonly check: string;
		readonly verdict: 'ok' | 'warning' | 'problem';
		readonly message: string;
		readonly hint: string | null;
	}[];
}

async function makePlace() {
	const dataDirectory = await temporaryDirectory('data');
	const path = await unpackSqlite('plain-2.3.2.sqlite.db.gz', dataDirectory);
	const location = join(await temporaryDirectory('repository'), 'kuma');
	const { repository, environment } = await createdRepository({ location });
	const env: Record<string, string> = { DATA_DIR: dataDirectory, ...environment };
	return { dataDirectory, path, repository, env };
}

async function diagnose(env: Readonly<Record<string, string>>) {
	const end = await runCommand(['doctor', '--json'], env);
	const diagnosis = JSON.parse(end.stdout) as Diagnosis;
	return { exitCode: end.exitCode, stderr: end.stderr, ...diagnosis };
}

test('doctor finds nothing wrong where nothing is, and leaves nothing behind', async () => {
	const { dataDirectory, env } = await makePlace();
	const before = await readdir(dataDirectory);

	const { exitCode, stderr, configuration, findings } = await diagnose(env);

	expect(findings.filter(({ verdict }) => verdict === 'problem')).toEqual([]);
	const checked = findings.filter(({ verdict }) => verdict === 'ok').map(({ check }) => check);
	expect(checked).toEqual(
		expect.arrayContaining([
			'configuration',
			'data directory',
			'database',
			'restic',
			'repository',
			'migrate',
			'clock',
			'state',
		]),
	);
	expect(findings).toContainEqual(
		expect.objectContaining({
			check: 'database',
			message: expect.stringMatching(/^sqlite, .*kuma\.db: 20 monitors, 1 users\.$/),
		}),
	);
	expect(configuration).toContainEqual({ name: 'RESTIC_PASSWORD', value: '***', origin: 'environment' });
	expect([exitCode, stderr]).toEqual([0, '']);
	expect((await readdir(dataDirectory)).filter((name) => name !== 'replicator-kuma')).toEqual(before);
});

test('doctor tells every problem at once, each with what to do', async () => {
	const { dataDirectory, repository, env } = await makePlace();
	const tree = await testTree({ 'manifest.json': '{}' });
	await repository.publish(testPublication({ directory: tree, hostname: 'kuma-leader' }));
	await mkdir(join(dataDirectory, 'replicator-kuma'), { recursive: true });
	await chmod(join(dataDirectory, 'replicator-kuma'), 0o755);
	await writeFile(join(dataDirectory, 'db-config.json'), '{"type":"oracle"}');

	const wrong = await diagnose({ ...env, RESTIC_PASSWORD: 'not-the-password' });
	const text = await runCommand(['doctor'], { ...env, RESTIC_PASSWORD: 'not-the-password' });

	const problems = wrong.findings.filter(({ verdict }) => verdict === 'problem');
	expect(problems.map(({ check }) => check)).toEqual(['data directory', 'database', 'repository']);
	for (const { hint } of problems) expect(hint).toMatch(/^\S+/);
	expect(wrong.exitCode).toBe(1);
	expect(text.exitCode).toBe(1);
	for (const { message, hint } of problems) {
		expect(text.stdout).toContain(message);
		expect(text.stdout).toContain(`→ ${hint}`);
	}
});

test('doctor says how far a repository has come from the original, and what to do next', async () => {
	const { repository, env } = await makePlace();
	const find = async () => (await diagnose(env)).findings.filter(({ check }) => check === 'migrate');

	await publishAsOriginal({ environment: env }, { hostname: 'old-leader' });
	const before = await find();
	const listed = await runCommand(['snapshots'], env);
	const tree = await testTree({ 'manifest.json': '{}' });
	await repository.publish(testPublication({ directory: tree, hostname: 'kuma-leader' }));
	const switched = await find();
	await publishAsOriginal({ environment: env }, { hostname: 'old-leader' });
	const stillThere = await diagnose(env);

	expect(before).toMatchObject([
		{
			verdict: 'warning',
			message: expect.stringMatching(/only 1 snapshots of the original .*from old-leader/),
		},
	]);
	expect(listed.stdout).toContain('It has 1 of the original Replicator Kuma');
	expect(switched).toMatchObject([{ verdict: 'ok' }]);
	expect(stillThere.findings).toContainEqual(
		expect.objectContaining({
			check: 'migrate',
			verdict: 'warning',
			message: expect.stringContaining('The original leader still publishes'),
			hint: expect.stringContaining('Stop the original on old-leader'),
		}),
	);
	expect(stillThere.exitCode).toBe(0);
});

test.each([':/etc/localtime', '"Europe/Berlin"'])(
	'doctor names the TZ %j, which is no time zone, and says what it is taken for',
	async (zone) => {
		const { env } = await makePlace();

		const { exitCode, findings } = await diagnose({ ...env, TZ: zone });

		expect(findings.filter(({ check }) => check === 'time zone')).toEqual([
			{
				check: 'time zone',
				verdict: 'warning',
				message: `TZ is ${JSON.stringify(zone)}, which is not a time zone; Kuma ignores it and runs in UTC.`,
				hint: expect.stringContaining('Set TZ to a name such as Europe/Berlin'),
			},
		]);
		expect(exitCode).toBe(0);
	},
);

test('doctor says which time zone it is where there is nothing wrong with it', async () => {
	const { env } = await makePlace();

	const { findings } = await diagnose({ ...env, TZ: 'Asia/Tokyo' });

	expect(findings).toContainEqual(
		expect.objectContaining({ check: 'time zone', verdict: 'ok', message: 'Kuma runs in Asia/Tokyo.' }),
	);
});

test('doctor sees that restic is missing', async () => {
	const { env } = await makePlace();

	const { exitCode, findings } = await diagnose({ ...env, PATH: await temporaryDirectory('empty') });

	const problem = { verdict: 'problem', hint: expect.stringContaining('apt-get install restic') };
	expect(findings).toContainEqual(expect.objectContaining({ check: 'restic', ...problem }));
	expect(exitCode).toBe(1);
});

test('doctor lists what is wrong with the configuration, for scripts too', async () => {
	const { exitCode, stderr, configuration, findings } = await diagnose({
		REPLICATOR_MODE: 'LEADER',
		REPLICATOR_FLEETS: 'one',
	});

	expect(configuration).toBeNull();
	expect(findings.map(({ check, verdict, message }) => [check, verdict, message.split(':')[0]])).toEqual(
		expect.arrayContaining([
			['configuration', 'problem', 'REPLICATOR_MODE'],
			['configuration', 'problem', 'RESTIC_REPOSITORY'],
			['configuration', 'problem', 'RESTIC_PASSWORD'],
			['configuration', 'warning', 'REPLICATOR_FLEETS'],
		]),
	);
	expect([exitCode, stderr]).toEqual([2, '']);
});

async function holdLock(dataDirectory: string): Promise<ChildProcess> {
	const program = join(import.meta.dirname, '../programs/kuma-lock-holder.mjs');
	const holder = spawn(process.execPath, ['--no-warnings', program, dataDirectory], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	onTestFinished(async () => {
		if (holder.exitCode !== null || holder.signalCode !== null) return;
		const ended = once(holder, 'exit');
		holder.kill('SIGKILL');
		await ended;
	});
	expect(await firstLine(holder)).toBe('locked');
	return holder;
}

test('a data directory that another process holds is left alone, and who holds it is told', async () => {
	const { dataDirectory, path, env } = await makePlace();
	const exported = join(await temporaryDirectory('export'), 'kuma');
	await runCommand(['export', exported], env);
	const before = await lastingRows({ type: 'sqlite', path });
	const holder = await holdLock(dataDirectory);

	const imported = await runCommand(['import', exported], env);
	const run = await runCommand(['run'], env);
	const restored = await runCommand(['restore'], env);
	const published = await runCommand(['backup'], { ...env, REPLICATOR_MODE: 'BACKUP' });
	const read = await runCommand(['export', `${exported}-again`], env);

	const message = new RegExp(`Another replicator-kuma \\(process ${holder.pid}\\) uses this data directory`);
	for (const end of [imported, run]) expectFailure(end, { exitCode: 4, message, hint: /stop it first/ });
	for (const end of [restored, published]) {
		expectFailure(end, {
			exitCode: 4,
			message: /The running replicator-kuma does not answer/,
			hint: /DATA_DIR must name the same one/,
		});
	}
	expect(read.exitCode).toBe(0);
	expect(await lastingRows({ type: 'sqlite', path })).toEqual(before);
});
