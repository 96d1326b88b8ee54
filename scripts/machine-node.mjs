import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * Uptime Kuma's native sqlite3 is built for the Node that runs it. That is the machine's own Node, never the one that
 * this project brings along in node_modules, which npm puts first on the PATH of every script.
 */

/** @returns the folders of PATH that no npm script has put there. */
export function machinePath() {
	return (process.env.PATH ?? '')
		.split(delimiter)
		.filter((folder) => folder !== '' && !folder.split(/[\\/]/).includes('node_modules'));
}

/** @returns {string | undefined} the path of a program, in the given folders. */
export function findProgram(name, folders = machinePath()) {
	return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** @returns the Node for Uptime Kuma: `KUMA_NODE`, else the first one on the machine's PATH. */
export function machineNode() {
	const node = process.env.KUMA_NODE || findProgram('node');
	if (node === undefined) {
		throw new Error('No node on the PATH outside of node_modules; install Node or name one in KUMA_NODE');
	}
	return node;
}

/** @returns the ABI version of a Node: native modules that were built for one are of no use to another. */
export function nodeAbi(node) {
	const { status, stdout, stderr, error } = spawnSync(node, ['-p', 'process.versions.modules'], {
		encoding: 'utf8',
		timeout: 30_000,
	});
	if (status !== 0) throw new Error(`${node} does not run: ${error?.message ?? stderr}`);
	return stdout.trim();
}

/** @returns an environment in which `node` and its npm come first, with nothing of the npm script that runs us. */
export function machineEnvironment(node = machineNode()) {
	const kept = Object.entries(process.env).filter(
		([name]) =>
			!/^npm_(package|lifecycle|command|execpath|node_execpath|config_(local|global)_prefix)/.test(name) &&
			!['NODE', 'NODE_OPTIONS', 'INIT_CWD'].includes(name),
	);
	return { ...Object.fromEntries(kept), PATH: [dirname(node), ...machinePath()].join(delimiter) };
}

/** @returns {string | undefined} the prefix under which the C headers of a Node lie, so that nobody downloads them. */
export function nodeHeaders(node) {
	const prefix = dirname(dirname(realpathSync(node)));
	return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? prefix : undefined;
}

function isExecutable(path) {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch {
		return false;
	}
}
