import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installKuma } from './install-kuma.mjs';
import { findProgram, machineEnvironment } from './machine-node.mjs';
import { runQuietly } from './run-quietly.mjs';
import {
	COMPILE_TOOLS,
	canInstallTools,
	installCommand,
	installTools,
	missingTools,
	testTools,
} from './tools.mjs';

export { COMPILE_TOOLS, canInstallTools, installCommand, installKuma, installTools, missingTools };

/**
 * Makes a fresh clone ready for tests and demo: the packages of the project, the programs it needs, and a real Uptime
 * Kuma. It is the first thing to run, so it needs nothing but Node ≥ 20 and npm, and does nothing when all is there.
 */

const NPM_CI_MS = 10 * 60_000;
const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Installs the project's packages when they are missing or not the ones that package-lock.json names. */
export async function prepareProject(project = PROJECT) {
	if (await isInstalled(project)) return;
	const npm = findProgram('npm');
	if (npm === undefined) throw new Error('No npm on the PATH; install npm');
	await runQuietly('Installing the packages of the project', [npm, 'ci'], {
		cwd: project,
		env: machineEnvironment(),
		timeoutMs: NPM_CI_MS,
	});
}

/**
 * npm leaves a copy of what it installed in node_modules. Comparing contents, not times, a checkout that merely touches
 * the lock file costs nothing. Packages for other platforms are left out by npm, so optional ones may be missing.
 */
async function isInstalled(project) {
	const wanted = await readPackages(join(project, 'package-lock.json'));
	const installed = await readPackages(join(project, 'node_modules', '.package-lock.json'));
	if (wanted === undefined) throw new Error(`${project} has no package-lock.json`);
	if (installed === undefined) return false;
	return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
		if (path === '') return true;
		const found = installed[path];
		return found === undefined ? optional === true || devOptional === true : found.version === version;
	});
}

async function readPackages(path) {
	try {
		return JSON.parse(await readFile(path, 'utf8')).packages;
	} catch (error) {
		if (error.code === 'ENOENT') return undefined;
		throw error;
	}
}

async function main(parameters) {
	const {
		'--packages': isForPackages,
		'--install-tools': installsTools,
		...unknown
	} = Object.fromEntries(parameters.map((parameter) => [parameter, true]));
	if (Object.keys(unknown).length > 0) {
		const usage = 'prepare.mjs [--packages | --install-tools]';
		throw new Error(`Unknown: ${Object.keys(unknown).join(' ')}. Usage: ${usage}`);
	}
	// Tests that need nothing but Node.
	if (isForPackages) return prepareProject();
	const tools = testTools();
	if (installsTools) await installTools([...tools, ...COMPILE_TOOLS]);
	const missing = missingTools(tools);
	if (missing.length > 0) {
		const shortcut = canInstallTools() ? ', or let `node scripts/prepare.mjs --install-tools` do it' : '';
		throw new Error(`Missing: ${missing.join(', ')}. Install with \`${installCommand(missing)}\`${shortcut}`);
	}
	await prepareProject();
	process.stdout.write(`${await installKuma()}\n`);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
	main(process.argv.slice(2)).catch((error) => {
		process.stderr.write(`${error.message}\n`);
		process.exitCode = 1;
	});
}
