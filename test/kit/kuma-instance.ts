import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseConfig } from '../../src/model/database-config.ts';
import { freePort } from './free-port.ts';
import { hasEnded } from './has-ended.ts';
import { kumaEnvironment } from './kuma-environment.ts';
import { type KumaInstallation, kumaInstallation } from './kuma-installation.ts';
import { waitFor } from './wait-for.ts';
import { writeDatabaseConfig } from './write-database-config.ts';

const READY_MS = 90_000;
/** Kuma itself takes 5 to 6 s to stop. */
const STOP_MS = 20_000;
const LOG_MAX_CHARACTERS = 500_000;

/** A running Uptime Kuma of the tests' own, on loopback. */
export interface KumaInstance {
	readonly url: string;
	readonly port: number;
	readonly pid: number;
	readonly dataDirectory: string;
	/** What Kuma has printed so far; the beginning is dropped when it is very long. */
	log(): string;
	/** Asks Kuma to end, and makes it end when it does not; ends at once when it has ended already. */
	stop(): Promise<void>;
	/** Ends Kuma as a power cut does. */
	kill(): Promise<void>;
	/** Kills Kuma and removes its data directory, if {@link startKuma} made it. */
	discard(): Promise<void>;
}

export interface KumaOptions {
	/** `sqlite`, or a MariaDB database that exists; it is reached by host and port, which every release can. */
	readonly database: 'sqlite' | (DatabaseConfig & { readonly type: 'mariadb' });
	/** Created when it is missing; a temporary one when not given. */
	readonly dataDirectory?: string;
	readonly port?: number;
	readonly environment?: Readonly<Record<string, string>>;
	readonly installation?: KumaInstallation;
}

/** Starts a real Uptime Kuma and waits until its port answers. @throws Error with Kuma's own output if it does not. */
export async function startKuma(options: KumaOptions): Promise<KumaInstance> {
	const installation = options.installation ?? (await kumaInstallation());
	const dataDirectory = options.dataDirectory ?? (await mkdtemp(join(tmpdir(), 'replicator-kuma-data-')));
	const port = options.port ?? (await freePort());
	const url = `http://127.0.0.1:${port}`;
	await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
	if (options.database !== 'sqlite') await writeDatabaseConfig(dataDirectory, options.database);
	const child = spawn(installation.node, ['server/server.js'], {
		cwd: installation.directory,
		env: {
			...kumaEnvironment({
				node: installation.node,
				dataDirectory,
				port,
				...(options.database === 'sqlite' ? { databaseType: 'sqlite' } : {}),
			}),
			...options.environment,
		},
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const { pid } = child;
	if (pid === undefined) {
		const [cause] = await once(child, 'error');
		throw new Error(`${installation.node} cannot be started`, { cause });
	}
	const log = collectOutput(child);
	// A test run that ends early must not leave a Kuma behind.
	const killAtExit = () => child.kill('SIGKILL');
	process.once('exit', killAtExit);
	child.once('exit', () => process.off('exit', killAtExit));

	const kill = () => end(child, 'SIGKILL');
	const stop = async () => {
		await end(child, 'SIGTERM').catch(kill);
	};
	const discard = async () => {
		await kill();
		if (options.dataDirectory === undefined) await rm(dataDirectory, { recursive: true, force: true });
	};
	try {
		await waitFor(() => hasEnded(child) || answers(url), {
			timeoutMs: READY_MS,
			what: `Uptime Kuma on ${url}`,
		});
		if (hasEnded(child)) throw new Error(`Uptime Kuma ended with ${child.signalCode ?? child.exitCode}`);
	} catch (cause) {
		await kill();
		await discard();
		throw new Error(`Uptime Kuma ${installation.version} did not start; it said:\n${log()}`, { cause });
	}
	return { url, port, pid, dataDirectory, log, stop, kill, discard };
}

function collectOutput(child: ChildProcess): () => string {
	let output = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream?.setEncoding('utf8').on('data', (text: string) => {
			output = (output + text).slice(-LOG_MAX_CHARACTERS);
		});
	}
	return () => output;
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
	if (hasEnded(child)) return;
	const exit = once(child, 'exit', { signal: AbortSignal.timeout(STOP_MS) });
	child.kill(signal);
	await exit;
}

async function answers(url: string): Promise<boolean> {
	try {
		const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5_000) });
		await response.body?.cancel();
		return true;
	} catch {
		return false;
	}
}
