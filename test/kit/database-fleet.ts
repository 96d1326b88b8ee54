import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleProgram } from './bundle-program.ts';
import { hasEnded } from './has-ended.ts';
import { waitFor } from './wait-for.ts';
import { TEST_PASSWORD } from './weak-repository.ts';

const READY_MS = 120_000;
const STOP_MS = 20_000;

type Variables = Readonly<Record<string, string>>;

/** A process of its own that replicates into a database alone. */
export interface DatabaseMember {
	/** The database is `kuma.db` in it. */
	readonly dataDirectory: string;
	/** What it has complained of. */
	complaints(): string;
	/** Starts a cycle now, as a change in Kuma would. */
	wake(): void;
}

/** A leader and many replicas around one repository, without Kuma. */
export interface DatabaseFleet {
	readonly leader: DatabaseMember;
	readonly replicas: readonly DatabaseMember[];
	/** Ends every process, and removes everything. */
	discard(): Promise<void>;
}

/** Starts them, and waits until each has had a good cycle: the replicas hold what the leader has. */
export async function startDatabaseFleet(options: {
	readonly replicaCount: number;
	/** RESTIC_REPOSITORY. */
	readonly repository: string;
	/** Makes a Kuma's database and its db-config.json in a new directory. */
	readonly makeDatabase: (directory: string) => Promise<unknown>;
	readonly leader: Variables;
	readonly replica: Variables;
}): Promise<DatabaseFleet> {
	const root = await mkdtemp(join(tmpdir(), 'replicator-kuma-fleet-'));
	const children: ChildProcess[] = [];
	const discard = async () => {
		await Promise.all(children.map(end));
		await rm(root, { recursive: true, force: true });
	};
	try {
		const program = await bundleProgram('follower', root);
		const start = async (name: string, variables: Variables): Promise<DatabaseMember> => {
			const dataDirectory = join(root, name);
			await mkdir(dataDirectory, { mode: 0o700 });
			await options.makeDatabase(dataDirectory);
			const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
				cwd: root,
				env: {
					PATH: process.env.PATH ?? '',
					HOME: dataDirectory,
					DATA_DIR: dataDirectory,
					RESTIC_REPOSITORY: options.repository,
					RESTIC_PASSWORD: TEST_PASSWORD,
					REPLICATOR_HOSTNAME: name,
					// Nothing happens by itself but what follows a nudge.
					REPLICATOR_INTERVAL: '86400',
					...variables,
				},
				stdio: ['ignore', 'pipe', 'pipe'],
			});
			children.push(child);
			let complaints = '';
			child.stderr.setEncoding('utf8').on('data', (text: string) => {
				complaints += text;
			});
			let isReady = false;
			child.stdout.once('data', () => {
				isReady = true;
			});
			await waitFor(() => isReady || hasEnded(child), { timeoutMs: READY_MS, what: `${name} is ready` });
			if (hasEnded(child)) throw new Error(`${name} has ended; it said:\n${complaints}`);
			return { dataDirectory, complaints: () => complaints, wake: () => void child.kill('SIGUSR1') };
		};
		const leader = await start('leader', { REPLICATOR_MODE: 'BACKUP', ...options.leader });
		const replicas = await Promise.all(
			Array.from({ length: options.replicaCount }, (_, index) =>
				start(`replica-${index + 1}`, { REPLICATOR_MODE: 'RESTORE', ...options.replica }),
			),
		);
		return { leader, replicas, discard };
	} catch (error) {
		await discard();
		throw error;
	}
}

async function end(child: ChildProcess): Promise<void> {
	if (hasEnded(child)) return;
	const exit = once(child, 'exit');
	const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
	child.kill('SIGTERM');
	await exit;
	clearTimeout(force);
}
