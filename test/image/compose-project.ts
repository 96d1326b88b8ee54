import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { findProgram } from '../../scripts/machine-node.mjs';
import { freePort } from '../kit/free-port.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';
import { composeCommand } from './compose-command.ts';
import { buildImage, PODMAN_COMMAND, podman } from './containers.ts';
import type { ProductImage } from './product-image.ts';

const COMPOSE_FILE = join(dirname(dirname(import.meta.dirname)), 'compose.yaml');
const REST_SERVER = join(import.meta.dirname, 'rest-server.dockerfile');
/** What podman needs for names between containers. */
const NETWORK_PROGRAMS = ['netavark', 'aardvark-dns'];
const SERVICE_MS = 30_000;
const UP_MS = 180_000;

/** What Compose does not ask for: limits that podman may set where it may not raise any, and a network with names. */
const SETTINGS = `
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=1000:1000"]
[network]
network_backend = "netavark"
`;

/** Removes all of a project as soon as standard input ends, however the tests die, and ends what has made it. */
const WATCHDOG = `
service=$1; label=$2; shift 2
cat >/dev/null
kill "$service"
containers=$("$@" ps --all --quiet --filter "label=$label")
[ -z "$containers" ] || "$@" rm --force --time 0 --volumes $containers
volumes=$("$@" volume ls --quiet --filter "label=$label")
[ -z "$volumes" ] || "$@" volume rm --force $volumes
networks=$("$@" network ls --quiet --filter "label=$label")
[ -z "$networks" ] || "$@" network rm --force $networks
`;

/** The services of compose.yaml that have a Kuma, in the order of their ports. */
const INSTANCES = ['leader', 'replica-sqlite', 'replica-mariadb'] as const;

export type ComposeProject = Readonly<
	Record<
		(typeof INSTANCES)[number],
		{
			/** Where its Kuma answers on this machine. */
			readonly url: string;
			/** What it has printed. */
			log(): Promise<string>;
		}
	>
>;

/**
 * Does `docker compose up` with compose.yaml, in which nothing differs but the ports on this machine and what must come
 * from a registry. It is gone when the running test ends.
 */
export async function startComposeProject(image: ProductImage): Promise<ComposeProject> {
	requireNetworkPrograms();
	const folder = await temporaryDirectory('compose');
	const name = `replicator-kuma-${process.pid}`;
	const restServer = `localhost/replicator-kuma-test:rest-server-${process.pid}`;
	await buildRestServer({ tag: restServer, base: image.base, context: folder });
	onTestFinished(async () => void (await podman('rmi', '--force', restServer)));

	const ports = await Promise.all(INSTANCES.map(() => freePort()));
	const file = join(folder, 'compose.yaml');
	await writeFile(file, standIn(await readFile(COMPOSE_FILE, 'utf8'), { ports, restServer }));
	const service = await startService({ folder, label: `com.docker.compose.project=${name}` });
	const compose = async (...words: readonly string[]) => {
		const [program = '', ...before] = await composeCommand();
		const { all } = await execa(program, [...before, '--project-name', name, '--file', file, ...words], {
			env: { DOCKER_HOST: service, REPLICATOR_IMAGE: image.tag },
			stdin: 'ignore',
			all: true,
			timeout: UP_MS,
		});
		return all;
	};
	await compose('up', '--detach');
	return Object.fromEntries(
		INSTANCES.map((instance, index) => [
			instance,
			{ url: `http://127.0.0.1:${ports[index]}`, log: () => compose('logs', '--no-color', instance) },
		]),
	) as ComposeProject;
}

function requireNetworkPrograms(): void {
	const missing = NETWORK_PROGRAMS.filter((program) => !existsSync(join('/usr/lib/podman', program)));
	if (missing.length > 0)
		throw new Error(
			`podman cannot name containers to one another without ${missing.join(' and ')}: \`apt-get install ${missing.join(' ')}\``,
		);
}

async function buildRestServer(build: {
	readonly tag: string;
	readonly base: string;
	readonly context: string;
}): Promise<void> {
	const { tag, base, context } = build;
	const rclone = findProgram('rclone');
	if (rclone === undefined) throw new Error('No rclone on the PATH: `apt-get install rclone`');
	await copyFile(rclone, join(context, 'rclone'));
	await buildImage({ tag, dockerfile: REST_SERVER, context, buildArguments: { BASE: base } });
}

/** @throws Error when compose.yaml has no such ports or image any more. */
function standIn(
	text: string,
	stand: { readonly ports: readonly number[]; readonly restServer: string },
): string {
	const replacements: (readonly [string | RegExp, string])[] = [
		[/docker\.io\/restic\/rest-server:\S+/, stand.restServer],
		...stand.ports.map((port, index) => [`127.0.0.1:${3001 + index}:`, `127.0.0.1:${port}:`] as const),
	];
	return replacements.reduce((before, [from, to]) => {
		const after = before.replace(from, to);
		if (after === before) throw new Error(`compose.yaml does not contain ${from}`);
		return after;
	}, text);
}

/** Starts podman as what Docker's client talks to. @returns where, for DOCKER_HOST. */
async function startService({ folder, label }: { folder: string; label: string }): Promise<string> {
	const settings = join(folder, 'containers.conf');
	await writeFile(settings, SETTINGS);
	const socket = join(folder, 'podman.sock');
	const [program = '', ...words] = PODMAN_COMMAND;
	const service = spawn(program, [...words, 'system', 'service', '--time', '0', `unix://${socket}`], {
		env: { ...process.env, CONTAINERS_CONF: settings },
		stdio: 'ignore',
	});
	const watchdog = spawn('sh', ['-c', WATCHDOG, 'sh', String(service.pid), label, ...PODMAN_COMMAND], {
		stdio: ['pipe', 'ignore', 'ignore'],
		detached: true,
		env: { ...process.env, CONTAINERS_CONF: settings },
	});
	onTestFinished(async () => {
		const gone = once(watchdog, 'exit');
		watchdog.stdin?.end();
		await gone;
	});
	await waitFor(() => existsSync(socket), { timeoutMs: SERVICE_MS, what: "podman's socket" });
	return `unix://${socket}`;
}
