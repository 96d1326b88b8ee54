import { findProgram, machinePath } from './machine-node.mjs';
import { runQuietly } from './run-quietly.mjs';

const APT_MS = 10 * 60_000;

/**
 * The programs that tests or demo start, and the Debian package that holds each. MariaDB's `-core` packages are its
 * programs without a service: nothing is started on the machine.
 */
const PACKAGES = {
	restic: 'restic',
	mariadbd: 'mariadb-server-core',
	mariadb: 'mariadb-client-core',
	rclone: 'rclone',
	openssl: 'openssl',
	chromium: 'chromium',
	'dumb-init': 'dumb-init',
	'systemd-analyze': 'systemd',
	curl: 'curl',
	python3: 'python3',
	make: 'make',
	'g++': 'g++',
	podman: 'podman',
	buildah: 'buildah',
	runc: 'runc',
	mmdebstrap: 'mmdebstrap',
	'docker-compose': 'docker-compose',
};

const MARIADB_TOOLS = ['mariadbd', 'mariadb'];
/** What `npm test` cannot do without on any kind of database. */
const TEST_TOOLS = ['restic', 'rclone', 'openssl', 'chromium', 'systemd-analyze', 'curl'];
/** What makes images and runs containers, for `npm run test:image`. */
export const IMAGE_TOOLS = ['podman', 'buildah', 'runc', 'mmdebstrap'];
/** What compiles Kuma's database driver where there is no ready-made one. */
export const COMPILE_TOOLS = ['python3', 'make', 'g++'];

/** @returns what `npm test` cannot do without, on the kinds of database that the variable KINDS lists, or all. */
export function testTools() {
	const kinds = process.env.KINDS?.split(',') ?? ['mariadb'];
	return kinds.includes('mariadb') ? [...TEST_TOOLS, ...MARIADB_TOOLS] : TEST_TOOLS;
}

/** @returns those of the programs that this machine lacks. */
export function missingTools(tools) {
	// Debian keeps servers where only root's PATH looks.
	const folders = [...machinePath(), '/usr/local/sbin', '/usr/sbin'];
	return tools.filter((tool) => findProgram(tool, folders) === undefined);
}

/** @returns the words that install the programs, for a person to type. */
export function installCommand(tools) {
	return `apt-get install ${packagesOf(tools).join(' ')}`;
}

/** @returns whether {@link installTools} can work here: root on a Debian or Ubuntu. */
export function canInstallTools() {
	return process.getuid?.() === 0 && findProgram('apt-get') !== undefined;
}

/** Installs the programs that are missing, without any that are merely recommended. */
export async function installTools(tools) {
	const missing = missingTools(tools);
	if (missing.length === 0) return;
	if (!canInstallTools())
		throw new Error(`Only root on Debian or Ubuntu can do this: ${installCommand(missing)}`);
	const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeoutMs: APT_MS };
	const packages = packagesOf(missing);
	await runQuietly('Updating the list of packages', ['apt-get', 'update'], options);
	await runQuietly(
		`Installing ${packages.join(', ')}`,
		['apt-get', 'install', '--yes', '--no-install-recommends', ...packages],
		options,
	);
}

function packagesOf(tools) {
	return tools.map((tool) => PACKAGES[tool]);
}
