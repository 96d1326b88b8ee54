import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kumaDirectory } from './kuma-cache.mjs';
import {
	COMPILE_TOOLS,
	canInstallTools,
	installCommand,
	installKuma,
	installTools,
	missingTools,
	prepareProject,
} from './prepare.mjs';
import { runQuietly } from './run-quietly.mjs';

/**
 * The first thing that runs on a fresh clone: needs nothing but Node ≥ 20 and npm, fetches the rest, builds, and hands
 * over to demo/main.ts, which runs on the project's own Node.
 */

const HELP = `Shows Replicator Kuma at work: a leader and two replicas, real Uptime Kumas on this machine.

Usage: npm run demo                for you to look at and edit; Ctrl-C stops and removes everything
       npm run demo -- --check    without a person: edits, verifies both replicas row by row, exits 0 or 1
       npm run demo -- --help

Needs Node ≥ 20, npm, and either restic on the PATH or root on Debian or Ubuntu, to install it.
`;
const NODE_MAJOR_MIN = 20;
const BUILD_MS = 2 * 60_000;
const SCRIPTS = dirname(fileURLToPath(import.meta.url));
const PROJECT = dirname(SCRIPTS);
/** Built from what is in the clone now, by the Node that the product needs. */
const PROJECT_NODE = join(PROJECT, 'node_modules', '.bin', 'node');

async function prepare() {
	const major = Number(process.versions.node.split('.')[0]);
	if (major < NODE_MAJOR_MIN)
		throw new Error(`Node ${process.versions.node} is too old; install Node ${NODE_MAJOR_MIN} or newer`);
	await prepareTools();
	await prepareProject();
	await installKuma();
	await runQuietly('Building', [PROJECT_NODE, join(SCRIPTS, 'build.ts')], {
		cwd: PROJECT,
		timeoutMs: BUILD_MS,
	});
}

async function prepareTools() {
	const missing = missingTools(['restic']);
	if (missing.length > 0 && !canInstallTools())
		throw new Error(
			`restic is missing. Install it with \`${installCommand(missing)}\`, or from https://restic.net`,
		);
	const isKumaThere = Boolean(process.env.KUMA_DIR) || existsSync(kumaDirectory());
	const wanted = isKumaThere || !canInstallTools() ? missing : [...missing, ...COMPILE_TOOLS];
	await installTools(wanted);
}

/** @returns the exit code of the demo proper. */
async function run(parameters) {
	const command = ['--disable-warning=ExperimentalWarning', join(SCRIPTS, 'demo', 'main.ts'), ...parameters];
	const child = spawn(PROJECT_NODE, command, { cwd: PROJECT, stdio: 'inherit' });
	// A terminal tells the whole group of a Ctrl-C, anybody else only us; it makes no difference to be told twice.
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
	const [code, signal] = await once(child, 'exit');
	return code ?? 128 + constants.signals[signal];
}

async function main(parameters) {
	if (parameters.includes('--help')) {
		process.stdout.write(HELP);
		return 0;
	}
	const unknown = parameters.filter((parameter) => parameter !== '--check');
	if (unknown.length > 0) {
		process.stderr.write(`Unknown: ${unknown.join(' ')}. See \`npm run demo -- --help\`.\n`);
		return 2;
	}
	await prepare();
	return run(parameters);
}

try {
	process.exitCode = await main(process.argv.slice(2));
} catch (error) {
	process.stderr.write(`${error.message}\n`);
	process.exitCode = 1;
}
