import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { execa } from 'execa';
import { findProgram } from '../../scripts/machine-node.mjs';

const PROJECT = join(import.meta.dirname, '../..');
const NPM_MS = 60_000;

export interface PackedFile {
	readonly path: string;
	readonly size: number;
	readonly mode: number;
}

/** What `npm install --global` makes of the package that is published. */
export interface InstalledPackage {
	readonly files: readonly PackedFile[];
	/** Bytes to download. */
	readonly size: number;
	/** The folder that npm installed into, which was empty. */
	readonly prefix: string;
	/** Every package in it. */
	readonly packages: readonly string[];
	/** The command. */
	readonly program: string;
	/** In which the command and the Node that it needs come first. */
	readonly path: string;
	/** What npm said on standard error. */
	readonly warnings: string;
	discard(): Promise<void>;
}

/** Packs the project as it is built, and installs that without a network, a cache, or anything else of this machine. */
export async function installPackage(): Promise<InstalledPackage> {
	const root = await mkdtemp(join(tmpdir(), 'replicator-kuma-package-'));
	const prefix = join(root, 'prefix');
	const npm = findProgram('npm');
	if (npm === undefined) throw new Error('No npm on the PATH; install npm');
	const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
	const run = (words: readonly string[]) =>
		execa(npm, words, {
			cwd: PROJECT,
			env: {
				PATH: path,
				HOME: root,
				npm_config_cache: join(root, 'cache'),
				npm_config_update_notifier: 'false',
			},
			extendEnv: false,
			stdin: 'ignore',
			timeout: NPM_MS,
		});
	// Not built again: other tests are using what is built.
	const packed = await run(['pack', '--json', '--ignore-scripts', '--pack-destination', root]);
	const [tarball] = packedTarballs(packed.stdout);
	const installed = await run([
		'install',
		'--global',
		'--offline',
		'--no-fund',
		'--no-audit',
		`--prefix=${prefix}`,
		join(root, tarball.filename),
	]);
	const listed = await run(['ls', '--global', '--all', '--parseable', `--prefix=${prefix}`]);
	return {
		files: tarball.files,
		size: tarball.size,
		prefix,
		packages: listed.stdout.split('\n').slice(1),
		program: join(prefix, 'bin', 'replicator-kuma'),
		path: [join(prefix, 'bin'), path].join(delimiter),
		warnings: installed.stderr,
		discard: () => rm(root, { recursive: true, force: true }),
	};
}

interface PackedTarball {
	readonly filename: string;
	readonly size: number;
	readonly files: readonly PackedFile[];
}

/** npm prints a list of packages, and since version 12 an object by name. */
function packedTarballs(json: string): [PackedTarball] {
	return Object.values(JSON.parse(json) as Record<string, PackedTarball>) as [PackedTarball];
}
