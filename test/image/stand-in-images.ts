import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { cacheFolder } from '../../scripts/kuma-cache.mjs';
import { findProgram } from '../../scripts/machine-node.mjs';
import { kumaInstallation } from '../kit/kuma-installation.ts';
import { waitFor } from '../kit/wait-for.ts';
import { bootstrapDebian, buildImage, podman, requireContainers } from './containers.ts';

const DOCKERFILE = join(import.meta.dirname, 'stand-in.dockerfile');
const VARIANTS_DOCKERFILE = join(import.meta.dirname, 'stand-in-variants.dockerfile');
const RESTIC_DOCKERFILE = join(import.meta.dirname, 'restic.dockerfile');
/** What the stand-in for upstream's image copies. */
const COPIED = ['healthcheck.sh', 'mariadb.cnf'].map((name) => join(import.meta.dirname, name));

const PACKAGES = [
	'ca-certificates',
	'dumb-init',
	'iputils-ping',
	'libstdc++6',
	'mariadb-client-core',
	'mariadb-server-core',
];
const FALLBACK_SUITE = 'bookworm';
/** What nobody has made anew for a week is removed: a stand-in of other ingredients, and images of killed runs. */
const KEPT_HOURS = 7 * 24;
const BUILD_MS = 14 * 60_000;
const NAME = 'localhost/uptime-kuma-stand-in';

/** As upstream has them; its image without MariaDB and that of a user other than root exist together, too. */
export const VARIANTS = ['standard', 'slim', 'rootless'] as const;
export type Variant = (typeof VARIANTS)[number];

export interface StandInImages {
	readonly bases: Readonly<Record<Variant, string>>;
	/** In the place of restic's official image. */
	readonly restic: string;
}

/**
 * Makes what stands in for the images that the product's is built from. They are kept for the next run, under the
 * digest of all that they are made of.
 */
export async function standInImages(): Promise<StandInImages> {
	await requireContainers();
	return alone(findOrBuild);
}

/** Other workers wait until this one is done. The kernel takes the lock back, however a worker ends. */
async function alone<Result>(work: () => Promise<Result>): Promise<Result> {
	await mkdir(cacheFolder(), { recursive: true });
	const lock = new DatabaseSync(join(cacheFolder(), 'stand-in-images.lock'));
	const isLocked = () => {
		try {
			lock.exec('BEGIN EXCLUSIVE');
			return true;
		} catch (error) {
			if (error instanceof Error && /database is locked/.test(error.message)) return false;
			throw error;
		}
	};
	try {
		await waitFor(isLocked, { timeoutMs: BUILD_MS, what: 'the images that another worker makes' });
		return await work();
	} finally {
		lock.close();
	}
}

async function findOrBuild(): Promise<StandInImages> {
	await podman('image', 'prune', '--all', '--force', '--filter', `until=${KEPT_HOURS}h`);
	const suite = await hostSuite();
	const kuma = await kumaInstallation();
	const restic = findProgram('restic');
	if (restic === undefined) throw new Error('No restic on the PATH: `apt-get install restic`');
	const hash = createHash('sha256');
	for (const file of [DOCKERFILE, VARIANTS_DOCKERFILE, RESTIC_DOCKERFILE, ...COPIED, restic])
		hash.update(await readFile(file));
	hash.update(JSON.stringify([suite, PACKAGES, kuma.directory, kuma.version, process.version]));
	const digest = hash.digest('hex').slice(0, 12);
	const bases = Object.fromEntries(
		VARIANTS.map((variant) => [variant, `${NAME}:${variant}-${digest}`]),
	) as Record<Variant, string>;
	const images: StandInImages = { bases, restic: `${NAME}:restic-${digest}` };
	const wanted = [...Object.values(bases), images.restic];
	const present = (await podman('images', '--format', '{{.Repository}}:{{.Tag}}')).split('\n');
	if (!wanted.every((tag) => present.includes(tag)))
		await build({ images, suite, restic, kuma: kuma.directory });
	return images;
}

async function build(parts: {
	readonly images: StandInImages;
	readonly suite: string;
	readonly restic: string;
	readonly kuma: string;
}): Promise<void> {
	const { images, suite, restic, kuma } = parts;
	const context = await mkdtemp(join(tmpdir(), 'replicator-kuma-stand-in-'));
	try {
		await bootstrapDebian({ suite, packages: PACKAGES, archive: join(context, 'debian.tar') });
		for (const file of COPIED) await copyFile(file, join(context, basename(file)));
		await copyFile(restic, join(context, 'restic'));
		await buildImage({ tag: images.restic, dockerfile: RESTIC_DOCKERFILE, context });
		const contexts = { kuma, packages: packagesOf(kuma), node: dirname(process.execPath) };
		const { standard, slim, rootless } = images.bases;
		await buildImage({ tag: standard, dockerfile: DOCKERFILE, context, contexts });
		const variants = { dockerfile: VARIANTS_DOCKERFILE, context, buildArguments: { STANDARD: standard } };
		await buildImage({ tag: slim, target: 'slim', ...variants });
		await buildImage({ tag: rootless, target: 'rootless', ...variants });
	} finally {
		await rm(context, { recursive: true, force: true });
	}
}

/** npm lays Kuma's packages beside it, a checkout has them inside. */
function packagesOf(kuma: string): string {
	const inside = join(kuma, 'node_modules');
	return existsSync(inside) ? inside : dirname(kuma);
}

/** What was compiled on this machine, Node and Kuma's database driver, runs on the same release. */
async function hostSuite(): Promise<string> {
	const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
	const fields = new Map(text.split('\n').map((line) => line.split('=') as [string, string]));
	const isKnown = ['debian', 'ubuntu'].includes(fields.get('ID') ?? '');
	return (isKnown ? fields.get('VERSION_CODENAME') : undefined) ?? FALLBACK_SUITE;
}
