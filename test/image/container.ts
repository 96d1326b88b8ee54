import { spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { controlClient } from '../../src/control/control-client.ts';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import type { ReplicatorMode } from '../../src/model/role.ts';
import type { Status } from '../../src/model/status.ts';
import { freePort } from '../kit/free-port.ts';
import { untilStatus } from '../kit/until-status.ts';
import { containerLog, PODMAN_COMMAND, podman } from './containers.ts';

/** A new MariaDB, Kuma's migrations and a first snapshot, on a busy machine. */
const READY_MS = 180_000;
/** What compose files and manifests give it, too. */
const GRACE_SECONDS = '60';
const INTERVAL_SECONDS = '5';
/** To run a command in a container takes a processor for a second. */
export const EXEC_EVERY_MS = 1_000;

/** Removes a container and its volume as soon as standard input ends, however the tests die. */
const WATCHDOG = `
name=$1; shift
cat >/dev/null
"$@" rm --force --time 0 --volumes "$name"
"$@" volume rm --force "$name"
`;

export interface ContainerOptions {
	readonly image: string;
	readonly mode: ReplicatorMode;
	/** RESTIC_REPOSITORY. */
	readonly repository: string;
	readonly database: 'sqlite' | 'embedded-mariadb';
	/** More words for `podman create`. */
	readonly flags?: readonly string[];
	/** What it runs; the image's own command when not given. */
	readonly command?: readonly string[];
	readonly environment?: Readonly<Record<string, string>>;
}

/** What a container's health log says of one check. */
export interface HealthCheck {
	readonly ExitCode: number;
	readonly Output: string;
}

/** A container of the product's image as people run one: the image's own command, and a volume for the data. */
export interface Container {
	readonly name: string;
	/** Where its Kuma answers. */
	readonly url: string;
	start(): Promise<void>;
	/** Ends it as `docker stop` does. @returns its exit code. */
	stop(): Promise<number>;
	/** Ends everything in it as a power cut does. */
	kill(): Promise<void>;
	/** What it has printed since it was made. */
	log(): Promise<string>;
	/** Runs a program in it. @returns what it prints. @throws Error when it fails. */
	exec(...words: readonly string[]): Promise<string>;
	status(): Promise<Status>;
	/** Waits until its status is as wanted; an instance that is not up yet has none. @returns it. */
	waitForStatus(what: string, condition: (status: Status) => boolean): Promise<Status>;
	/** Runs the image's health check in it, once. */
	checkHealth(): Promise<HealthCheck>;
	/** Where the volume lies on this machine. */
	volumePath(): Promise<string>;
}

/** Makes a container that is to be started; it is gone when the running test ends. */
export async function prepareContainer(options: ContainerOptions): Promise<Container> {
	const { image, mode, repository, database, flags = [], command = [], environment = {} } = options;
	const port = await freePort();
	const name = `replicator-kuma-${mode.toLowerCase()}-${process.pid}-${port}`;
	const variables = {
		UPTIME_KUMA_DB_TYPE: database,
		UPTIME_KUMA_HOST: '127.0.0.1',
		UPTIME_KUMA_PORT: String(port),
		RESTIC_REPOSITORY: repository,
		RESTIC_PASSWORD: 'sesame-open-up',
		REPLICATOR_MODE: mode,
		REPLICATOR_HOSTNAME: mode.toLowerCase(),
		REPLICATOR_INTERVAL: INTERVAL_SECONDS,
		...environment,
	};
	const watchdog = spawn('sh', ['-c', WATCHDOG, 'sh', name, ...PODMAN_COMMAND], {
		stdio: ['pipe', 'ignore', 'ignore'],
		detached: true,
	});
	const gone = new Promise((resolve) => watchdog.once('exit', resolve));
	onTestFinished(async () => {
		watchdog.stdin?.end();
		await gone;
	});
	await podman(
		...['create', '--name', name, '--network', 'host', '--volume', `${name}:/app/data`],
		// Where podman itself may not raise limits, as in a container, a container must not ask for more.
		...['--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=1000:1000'],
		...Object.entries(variables).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
		...[...flags, image, ...command],
	);
	const container: Container = {
		name,
		url: `http://127.0.0.1:${port}`,
		start: async () => {
			await podman('start', name);
			await container.waitForStatus('Kuma runs', ({ kuma }) => kuma.state === 'running');
		},
		stop: async () => {
			await podman('stop', '--time', GRACE_SECONDS, name);
			return Number(await podman('inspect', '--format', '{{.State.ExitCode}}', name));
		},
		kill: async () => {
			await podman('kill', '--signal', 'KILL', name);
			await podman('wait', name);
		},
		log: () => containerLog(name),
		exec: (...words) => podman('exec', name, ...words),
		status: async () => JSON.parse(await statusText(name)) as Status,
		waitForStatus: async (what, condition) => {
			// What the command asks, too, without a process for each look.
			const client = controlClient(statePaths(await container.volumePath()).controlSocket);
			const log = () => container.log();
			return untilStatus({ ask: () => client.status(), what, condition, timeoutMs: READY_MS, log });
		},
		checkHealth: async () => {
			// By its own exit code it says no more than what it has written down.
			await podman('healthcheck', 'run', name).catch(() => {});
			const log = await podman('inspect', '--format', '{{json .State.Healthcheck.Log}}', name);
			const last = (JSON.parse(log) as HealthCheck[]).at(-1);
			if (last === undefined) throw new Error(`${name} has no health check`);
			return last;
		},
		volumePath: () => podman('volume', 'inspect', '--format', '{{.Mountpoint}}', name),
	};
	return container;
}

/** `status` says by its exit code how things are, which is no failure here. */
async function statusText(name: string): Promise<string> {
	return await podman('exec', name, 'sh', '-c', 'replicator-kuma status --json || true').catch(String);
}
