import { copyFile, mkdir, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KUMA_VERSION, kumaCacheFolder, kumaDirectory } from './kuma-cache.mjs';
import { findProgram, machineEnvironment, machineNode, nodeHeaders } from './machine-node.mjs';
import { runQuietly } from './run-quietly.mjs';

const INSTALL_MS = 15 * 60_000;
const LOCK_POLL_MS = 500;
/** The holder of the lock touches it this often, so that a lock left by a killed run is told from one in use. */
const LOCK_TOUCH_MS = 3_000;
const LOCK_STALE_MS = 15_000;

/**
 * Installs the real Uptime Kuma that tests and demo run against, once for a machine: does nothing when it is there.
 * A folder that exists is complete: the installation is made beside it and renamed.
 * @returns {Promise<string>} Kuma's directory; `KUMA_DIR` in the environment names another one.
 */
export async function installKuma() {
	if (process.env.KUMA_DIR) return process.env.KUMA_DIR;
	const node = machineNode();
	const folder = kumaCacheFolder(node);
	if (!(await exists(folder))) {
		await mkdir(dirname(folder), { recursive: true });
		await withLock(`${folder}.lock`, async () => {
			if (!(await exists(folder))) await install(folder, node);
		});
	}
	return kumaDirectory(folder);
}

async function install(folder, node) {
	await removeLeftovers(folder);
	const partial = `${folder}.partial-${process.pid}`;
	await mkdir(partial);
	const manifest = {
		name: 'uptime-kuma-for-tests',
		private: true,
		dependencies: { 'uptime-kuma': KUMA_VERSION },
		// npm 11 asks before it runs install scripts; without theirs, Kuma has no database driver.
		allowScripts: { '@louislam/sqlite3': true, protobufjs: true },
	};
	await writeFile(join(partial, 'package.json'), JSON.stringify(manifest, null, '\t'));
	const npm = findProgram('npm', [dirname(node)]) ?? findProgram('npm');
	if (npm === undefined) throw new Error(`No npm beside ${node} or on the PATH; install npm`);
	const headers = nodeHeaders(node);
	try {
		await runQuietly(
			`Installing Uptime Kuma ${KUMA_VERSION} (about two minutes, once)`,
			[npm, 'install', '--omit=dev', '--no-audit', '--no-fund', '--no-package-lock'],
			{
				cwd: partial,
				env: {
					...machineEnvironment(node),
					JOBS: String(availableParallelism()),
					...(headers === undefined ? {} : { npm_config_nodedir: headers }),
				},
				timeoutMs: INSTALL_MS,
			},
		);
	} catch (error) {
		await rm(partial, { recursive: true, force: true });
		const isCompilable = ['python3', 'make', 'g++'].every((tool) => findProgram(tool) !== undefined);
		const hint = isCompilable ? '' : '; its database driver may need `apt-get install python3 make g++`';
		throw new Error(`${error.message}${hint}`, { cause: error });
	}
	await completeMigrations(kumaDirectory(partial));
	await moveInto(folder, partial);
}

/** As published, seven of Kuma's migrations lie one folder above the one it reads, and a new database fails. */
async function completeMigrations(kuma) {
	const database = join(kuma, 'db');
	for (const file of await readdir(database)) {
		if (/^patch-.*\.sql$/.test(file))
			await copyFile(join(database, file), join(database, 'old_migrations', file));
	}
}

async function moveInto(folder, partial) {
	try {
		await rename(partial, folder);
	} catch (error) {
		// Somebody whose lock we took for left behind was faster: theirs is as good.
		if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
		await rm(partial, { recursive: true, force: true });
	}
}

/** Called under the lock: whoever was making these has been killed. */
async function removeLeftovers(folder) {
	const parent = dirname(folder);
	for (const name of await readdir(parent)) {
		if (name.startsWith(`${basename(folder)}.partial-`))
			await rm(join(parent, name), { recursive: true, force: true });
	}
}

/** Only saves two runs from doing the same work at once: what keeps the folder whole is the rename. */
async function withLock(path, work) {
	let isAnnounced = false;
	let lock = await tryLock(path);
	while (lock === undefined) {
		if (!isAnnounced) process.stderr.write('Another run is installing Uptime Kuma; waiting for it …\n');
		isAnnounced = true;
		await delay(LOCK_POLL_MS);
		lock = await tryLock(path);
	}
	const touch = setInterval(() => {
		const now = new Date();
		utimes(path, now, now).catch(() => {});
	}, LOCK_TOUCH_MS);
	try {
		await work();
	} finally {
		clearInterval(touch);
		await lock.close();
		await rm(path, { force: true });
	}
}

async function tryLock(path) {
	try {
		return await open(path, 'wx');
	} catch (error) {
		if (error.code !== 'EEXIST') throw error;
	}
	const age = await stat(path).then(
		({ mtimeMs }) => Date.now() - mtimeMs,
		() => 0,
	);
	if (age > LOCK_STALE_MS) await rm(path, { force: true });
	return undefined;
}

function exists(path) {
	return stat(path).then(
		() => true,
		(error) => {
			if (error.code === 'ENOENT') return false;
			throw error;
		},
	);
}
