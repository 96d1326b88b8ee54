import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from '../../scripts/kuma-cache.mjs';
import { IMAGE_TOOLS, installCommand, missingTools } from '../../scripts/tools.mjs';

const COMMAND_MS = 10 * 60_000;
/** Debian keeps what these start where only root's PATH looks. */
const ENVIRONMENT = { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` };

/** Empty after a boot, and the same whatever TMPDIR says: podman remembers it. */
const RUNTIME_FOLDER = '/run/replicator-kuma-containers';

/** Images and containers of tests lie beside the cached Kuma, apart from everybody else's on this machine. */
const STORE = [
	['--root', join(cacheFolder(), 'containers')],
	['--runroot', RUNTIME_FOLDER],
	['--storage-driver', 'overlay'],
].flat();

// crun wants to raise limits, and podman health checks want systemd; a container in a container may have neither.
const PODMAN = [...STORE, '--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'];

/** The words that run podman on the images of the tests. */
export const PODMAN_COMMAND: readonly string[] = ['podman', ...PODMAN];

/** @throws Error that names what keeps containers from running here. */
export async function requireContainers(): Promise<void> {
	const missing = missingTools(IMAGE_TOOLS);
	if (missing.length > 0)
		throw new Error(
			`The image is tested in containers, and this machine has no ${missing.join(', ')}: \`${installCommand(missing)}\``,
		);
	if (process.getuid?.() !== 0) throw new Error('The image is tested in containers, which root must start');
	await mkdir(cacheFolder(), { recursive: true });
}

/** Runs podman. @returns what it prints. @throws Error with what it said when it fails. */
export async function podman(...words: readonly string[]): Promise<string> {
	return (await run(PODMAN_COMMAND, words)).stdout;
}

/** @returns what a container has printed, on both of its streams. */
export async function containerLog(name: string): Promise<string> {
	return (await run(PODMAN_COMMAND, ['logs', name])).all;
}

export interface ImageBuild {
	readonly tag: string;
	readonly dockerfile: string;
	/** The folder that the file copies from. */
	readonly context: string;
	readonly target?: string;
	readonly buildArguments?: Readonly<Record<string, string>>;
	/** More folders that the file copies from, by the names that it gives them. */
	readonly contexts?: Readonly<Record<string, string>>;
}

/** Builds an image without a registry or a daemon. */
export async function buildImage(build: ImageBuild): Promise<void> {
	const { tag, dockerfile, context, target, buildArguments = {}, contexts = {} } = build;
	await run(
		// Only Docker's own format has health checks.
		['buildah', ...STORE, 'build', '--isolation', 'chroot', '--format', 'docker'],
		[
			...Object.entries(buildArguments).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
			...Object.entries(contexts).flatMap(([name, path]) => ['--build-context', `${name}=${path}`]),
			...(target === undefined ? [] : ['--target', target]),
			...['--file', dockerfile, '--tag', tag, context],
		],
	);
}

/** Makes the root file system of a Debian with some packages. */
export async function bootstrapDebian(options: {
	readonly suite: string;
	readonly packages: readonly string[];
	readonly archive: string;
}): Promise<void> {
	const { suite, packages, archive } = options;
	await run(
		['mmdebstrap', '--quiet', '--variant=minbase'],
		[`--include=${packages.join(',')}`, suite, archive],
	);
}

async function run(
	[program = '', ...before]: readonly string[],
	words: readonly string[],
): Promise<{ readonly stdout: string; readonly all: string }> {
	const { all, stdout, failed, shortMessage } = await execa(program, [...before, ...words], {
		env: ENVIRONMENT,
		stdin: 'ignore',
		all: true,
		reject: false,
		timeout: COMMAND_MS,
	});
	if (failed) throw new Error(`${program} ${words.join(' ')}: ${shortMessage}\n${all}`);
	return { stdout, all };
}
