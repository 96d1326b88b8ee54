import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { execa } from 'execa';
import type { Status } from '../../src/model/status.ts';
import { unpackSqlite } from './fixtures.ts';
import { freePort } from './free-port.ts';
import { waitFor } from './wait-for.ts';

const BUNDLE = join(import.meta.dirname, '../../dist/replicator-kuma.js');
const KUMA = join(import.meta.dirname, '../programs/kuma-fake.mjs');
const FIXTURE = 'plain-2.3.2.sqlite.db.gz';
/** The address that documents name for a leader's REPLICATOR_LISTEN. Here it has another port, which is free. */
const DOCUMENTED_ADDRESS = /\b(?:localhost|127\.0\.0\.1):8080\b/g;
const UP_MS = 60_000;
const BLOCK_MS = 60_000;
const STOP_MS = 30_000;

/** `stopped`: an instance on which nothing runs. */
export type Place = 'leader' | 'replica' | 'stopped';

export interface BlockEnd {
	readonly exitCode: number | undefined;
	readonly output: string;
}

/** A machine of its own for the commands of a document: a leader and a replica that run, and one that does not. */
export interface DocsSandbox {
	/** Runs lines of shell as somebody would who types them where that instance runs; the first failure ends them. */
	run(text: string, place: Place): Promise<BlockEnd>;
	discard(): Promise<void>;
}

/** Starts the two of them, each on a database as Kuma leaves it, with a stand-in for Kuma's server. */
export async function startDocsSandbox(): Promise<DocsSandbox> {
	const root = await mkdtemp(join(tmpdir(), 'replicator-kuma-docs-'));
	const home = join(root, 'home');
	const bin = join(root, 'bin');
	await mkdir(home);
	await mkdir(bin);
	await symlink(BUNDLE, join(bin, 'replicator-kuma'));
	const address = `127.0.0.1:${await freePort()}`;
	const shared = {
		PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
		HOME: home,
		LC_ALL: 'C.UTF-8',
		UPTIME_KUMA_HOST: '127.0.0.1',
		RESTIC_REPOSITORY: join(root, 'repository'),
		RESTIC_PASSWORD: 'sesame-open-up',
		REPLICATOR_TOKEN: '4f1c0e7b92d84a65b3a1',
	};
	const environments: Record<Place, Record<string, string>> = {
		leader: {
			...shared,
			DATA_DIR: join(root, 'leader'),
			UPTIME_KUMA_PORT: String(await freePort()),
			REPLICATOR_MODE: 'BACKUP',
			REPLICATOR_HOSTNAME: 'kuma-leader',
			REPLICATOR_LISTEN: address,
		},
		replica: {
			...shared,
			DATA_DIR: join(root, 'replica'),
			UPTIME_KUMA_PORT: String(await freePort()),
			REPLICATOR_MODE: 'RESTORE',
			REPLICATOR_HOSTNAME: 'kuma-replica',
			REPLICATOR_LEADER_URL: `http://${address}`,
		},
		stopped: {
			...shared,
			DATA_DIR: join(root, 'stopped'),
			REPLICATOR_MODE: 'RESTORE',
		},
	};
	const running: ChildProcess[] = [];
	const discard = async () => {
		await Promise.all(running.map(end));
		await rm(root, { recursive: true, force: true });
	};
	const run = async (text: string, place: Place): Promise<BlockEnd> => {
		const { exitCode, all } = await execa('sh', ['-eu', '-c', text.replace(DOCUMENTED_ADDRESS, address)], {
			cwd: home,
			env: environments[place],
			extendEnv: false,
			all: true,
			reject: false,
			stdin: 'ignore',
			timeout: BLOCK_MS,
		});
		return { exitCode, output: all };
	};
	try {
		for (const { DATA_DIR = '' } of Object.values(environments)) await unpackSqlite(FIXTURE, DATA_DIR);
		for (const place of ['leader', 'replica'] as const) {
			const env = environments[place];
			const words = ['run', '--', process.execPath, KUMA];
			running.push(spawn(join(bin, 'replicator-kuma'), words, { cwd: home, env, stdio: 'ignore' }));
			const isInStep = async () => holdsNewest(await run('replicator-kuma status --json', place));
			await waitFor(isInStep, { timeoutMs: UP_MS, what: `the ${place} is in step` });
		}
	} catch (error) {
		await discard();
		throw error;
	}
	return { run, discard };
}

/** A status is there before the first cycle is. */
function holdsNewest({ exitCode, output }: BlockEnd): boolean {
	if (exitCode !== 0) return false;
	const { newest, applied } = JSON.parse(output) as Status;
	return newest !== null && newest.id === applied?.id;
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = once(child, 'exit', { signal: AbortSignal.timeout(STOP_MS) });
	child.kill('SIGTERM');
	await ended.catch(() => child.kill('SIGKILL'));
}
