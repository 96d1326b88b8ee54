import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bundleProgram } from '../kit/bundle-program.ts';
import { firstLine } from '../kit/first-line.ts';
import { fleetMember } from '../kit/fleet-member.ts';
import { testRepository } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

const DEADLINE_MS = 60_000;

let programs: string;
let program: string;
beforeAll(async () => {
	programs = await mkdtemp(join(tmpdir(), 'replicator-kuma-programs-'));
	program = await bundleProgram('leader-cycle', programs);
});
afterAll(() => rm(programs, { recursive: true, force: true }));

/** A leader on disk, and programs that run its cycles on a real repository in a local folder, which is not there yet. */
async function leaderOnDisk() {
	const location = join(await temporaryDirectory('place'), 'repository');
	const { repository, environment, restic } = await testRepository({ location });
	const leader = await fleetMember({ mode: 'BACKUP', repository });
	const start = (
		options: { readonly point?: string; readonly path?: string; readonly retention?: string } = {},
	): ChildProcess => {
		const child = spawn(
			process.execPath,
			[program, ...(options.point === undefined ? [] : [options.point])],
			{
				stdio: ['ignore', 'pipe', 'inherit'],
				env: {
					PATH: options.path ?? process.env.PATH,
					NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
					REPLICATOR_MODE: 'BACKUP',
					DATA_DIR: leader.dataDirectory,
					REPLICATOR_RETENTION: options.retention ?? 'last=100',
					...environment,
				},
			},
		);
		onTestFinished(() => kill(child));
		return child;
	};
	const run = async (): Promise<{ outcome: string; warnings: string[] }> =>
		JSON.parse(await firstLine(start()));
	/** Runs a cycle up to a point and kills it there. */
	const killAt = async (point: string) => {
		const child = start({ point });
		expect(await firstLine(child)).toBe('reached');
		await kill(child);
	};
	/** Looks whether all is well: a line without a fork, the database as its head, no lock. @returns the head's generation. */
	const verify = async () => {
		const lineage = await repository.list();
		const replica = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true });
		await replica.cycle();
		expect(await replica.rows()).toEqual(await leader.rows());
		for (const [index, { generation, parentId }] of lineage.entries()) {
			const before = lineage[index - 1];
			if (before === undefined) continue;
			expect({ generation, parentId }).toEqual({ generation: before.generation + 1, parentId: before.id });
		}
		expect(await restic('list', 'locks', '--no-lock')).toBe('');
		await leader.restart();
		expect(leader.state).toMatchObject({ position: { id: lineage.at(-1)?.id }, intent: null });
		expect(await readdir(leader.paths.appliedDirectory)).toContain(lineage.at(-1)?.digest);
		return lineage.at(-1)?.generation;
	};
	return { location, leader, repository, start, run, killAt, verify };
}

/** The same after its first snapshot, with an edit that is to be published next. */
async function editedLeader() {
	const disk = await leaderOnDisk();
	await makeWeakRepository(disk.location);
	await disk.leader.cycle();
	// Pruning is due again, so that the next cycle needs the repository for itself alone.
	await disk.leader.instance.state.save({ lastPrunedAt: null });
	disk.leader.edit("UPDATE monitor SET name = 'Edited before the crash' WHERE id = 4");
	return disk;
}

async function kill(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const exited = once(child, 'exit');
	child.kill('SIGKILL');
	await exited;
}

interface SlowRestic {
	/** For PATH: a restic comes first there that writes 1 kB a second in one of its commands. */
	readonly path: string;
	/** Waits until that command holds a lock and is writing. */
	untilWriting(location: string): Promise<void>;
	/** Ends that restic in mid write, as the end of a container does, and lets nobody know. */
	kill(): Promise<void>;
	/** Waits until that restic has ended by itself. */
	untilEnded(): Promise<void>;
}

async function slowRestic(command: string): Promise<SlowRestic> {
	const folder = await temporaryDirectory('slow-restic');
	const pidFile = join(folder, 'pids');
	const { stdout: real } = await execa('sh', ['-c', 'command -v restic']);
	// The shell stays as the parent: it takes a dead restic's process id out of the table, as init does.
	const script = `#!/bin/sh
if [ "$1" != ${command} ]; then exec '${real}' "$@"; fi
'${real}' "$@" --limit-upload 1 &
echo "$$ $!" > '${pidFile}.new' && mv '${pidFile}.new' '${pidFile}'
wait
touch '${folder}/ended'
exec sleep 600
`;
	await writeFile(join(folder, 'restic'), script, { mode: 0o700 });
	const pids = async () => (await readFile(pidFile, 'utf8')).trim().split(' ').map(Number);
	const hasEnded = () => existsSync(join(folder, 'ended'));
	const untilEnded = () => waitFor(hasEnded, { timeoutMs: DEADLINE_MS, what: 'restic ends' });
	onTestFinished(async () => {
		const [shell = 0] = existsSync(pidFile) ? await pids() : [];
		if (shell > 0) await execa('kill', ['-KILL', '--', `-${shell}`], { reject: false });
	});
	return {
		path: `${folder}:${process.env.PATH}`,
		async untilWriting(location) {
			const isWriting = async () => {
				if (!existsSync(pidFile) || (await readdir(join(location, 'locks'))).length === 0) return false;
				const files = await readdir(location, { recursive: true });
				return files.some((name) => /^(?:data|index)\/.*-tmp-/.test(name));
			};
			await waitFor(isWriting, { timeoutMs: DEADLINE_MS, what: `restic ${command} writes` });
		},
		async kill() {
			const [, restic = 0] = await pids();
			process.kill(restic, 'SIGKILL');
			await untilEnded();
		},
		untilEnded,
	};
}

describe('a leader that is killed', { timeout: 240_000 }, () => {
	test.each([
		['before it saves its intent to publish', 'before-intent', 'published'],
		['when it has saved its intent', 'after-intent', 'published'],
		['when restic has kept the snapshot', 'after-backup', 'unchanged'],
		['before it saves its new place in the lineage', 'before-position', 'unchanged'],
		['when all is saved', 'after-position', 'unchanged'],
	])('%s goes on by itself', async (_when, point, outcome) => {
		const { killAt, run, verify } = await editedLeader();
		await killAt(point);

		const next = await run();

		expect(next.outcome).toBe(outcome);
		expect(await verify()).toBe(2);
	});

	test('behind a publish, and edited meanwhile, publishes a child of what it finds', async () => {
		const { leader, killAt, run, verify } = await editedLeader();
		await killAt('after-backup');
		leader.edit("UPDATE monitor SET name = 'Edited after the crash' WHERE id = 5");

		const next = await run();

		expect(next.outcome).toBe('published');
		expect(await verify()).toBe(3);
	});

	test.each(['after-intent', 'after-backup'])(
		'at its very first publish, %s, goes on by itself',
		async (point) => {
			const { killAt, run, verify } = await leaderOnDisk();
			await killAt(point);

			await run();

			expect(await verify()).toBe(1);
		},
	);

	test('behind its very first publish does not make a repository that has vanished anew', async () => {
		const { location, leader, killAt, run, verify } = await leaderOnDisk();
		await killAt('after-backup');
		await rename(location, `${location}-away`);
		await leader.restart();

		await expect(leader.cycle()).rejects.toMatchObject({ code: 'repository-missing' });

		await rename(`${location}-away`, location);
		await run();
		expect(await verify()).toBe(1);
	});

	test.each(['backup', 'prune'])('with a restic in the midst of %s goes on by itself', async (command) => {
		const { location, leader, start, run, verify } = await editedLeader();
		const slow = await slowRestic(command);
		const child = start({ path: slow.path, retention: 'last=1,days=0,months=0' });
		await slow.untilWriting(location);
		await slow.kill();
		await kill(child);
		await leader.restart();
		await leader.instance.state.save({ lastPrunedAt: null });
		leader.edit("UPDATE monitor SET name = 'Edited after the crash' WHERE id = 5");

		const next = await run();

		expect(next.outcome).toBe('published');
		expect(next.warnings).not.toContain('Old snapshots could not be forgotten');
		expect(await verify()).toBe(command === 'prune' ? 3 : 2);
	});

	test('while its restic lives on goes on by itself, whatever that comes to', async () => {
		const { location, start, run, verify } = await editedLeader();
		const slow = await slowRestic('backup');
		const child = start({ path: slow.path });
		await slow.untilWriting(location);
		await kill(child);
		await slow.untilEnded();

		const next = await run();

		expect(['published', 'unchanged']).toContain(next.outcome);
		expect(await verify()).toBe(2);
	});
});
