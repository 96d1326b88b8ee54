import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { startHttpTarget } from '../kit/http-target.ts';
import { kumaInstallation } from '../kit/kuma-installation.ts';
import { waitFor } from '../kit/wait-for.ts';
import { type Container, EXEC_EVERY_MS } from './container.ts';
import { type ContainerFleet, startContainerFleet } from './container-fleet.ts';
import { type StandInImages, standInImages } from './stand-in-images.ts';
import { waitForMonitors } from './wait-for-monitors.ts';

const BEATS_MS = 120_000;
const POLL_MS = 100;
const TROUBLE = /\[REPLICATOR\] (WARN|ERROR):.*/g;
/**
 * At its very first start, a Kuma may look for its database before its own server has made it: it does not wait for
 * that. It ends then, and is started again.
 */
const FIRST_START = "Failed to prepare your database: Unknown database 'kuma'";
const FIRST_START_TROUBLE =
	/Kuma ended by itself; .* exitCode=1 |run\/mariadb\.sock cannot be reached \(ENOENT\)/;

let standIns: StandInImages;
beforeAll(async () => {
	standIns = await standInImages();
});

/** An edit arrives; both containers stop and start; the next edit arrives on top of what was there. */
async function replicateAcrossRestart({ leader, replica, edit }: ContainerFleet) {
	await edit((client) => client.addMonitor({ name: 'Shop', url: 'http://127.0.0.1:9/', active: false }));
	await waitForMonitors(replica, ['Shop']);

	expect(await Promise.all([leader.stop(), replica.stop()])).toEqual([0, 0]);
	await Promise.all([leader.start(), replica.start()]);
	await waitForMonitors(replica, ['Shop']);

	await edit((client) => client.addMonitor({ name: 'Mail', url: 'http://127.0.0.1:9/', active: false }));
	await waitForMonitors(replica, ['Mail', 'Shop']);
}

async function expectNoTrouble(...instances: readonly Container[]): Promise<void> {
	for (const instance of instances) {
		const log = await instance.log();
		const known = log.includes(FIRST_START) ? FIRST_START_TROUBLE : /$^/;
		const troubles = (log.match(TROUBLE) ?? []).filter((line) => !known.test(line));
		// Beside what went wrong, what Kuma said.
		expect(troubles, log).toEqual([]);
	}
}

test('the slim image replicates on SQLite, and goes on after a restart', async () => {
	const fleet = await startContainerFleet(standIns, 'slim', { database: 'sqlite' });

	await replicateAcrossRestart(fleet);

	await expectNoTrouble(fleet.leader, fleet.replica);
});

test('the rootless image replicates as its own user on a file system that is read-only but for the volume', async () => {
	const flags = ['--read-only', '--read-only-tmpfs=false', '--tmpfs', '/tmp', '--cap-drop', 'ALL'];
	const fleet = await startContainerFleet(standIns, 'rootless', { database: 'sqlite', flags });

	await replicateAcrossRestart(fleet);

	const users = await fleet.replica.exec('sh', '-c', "cat /proc/[0-9]*/status | sed -n 's/^Uid:\\t//p'");
	expect(new Set(users.split(/\s+/))).toEqual(new Set(['1000']));
	await expect(fleet.replica.exec('touch', '/app/touched')).rejects.toThrow('Read-only file system');
	await expectNoTrouble(fleet.leader, fleet.replica);
});

test('the standard image loses nothing on its embedded MariaDB, of which there is one, however it ends', async () => {
	const target = await startHttpTarget();
	onTestFinished(() => target.stop());
	const fleet = await startContainerFleet(standIns, 'standard', {
		database: 'embedded-mariadb',
		flags: (await ownsDatabaseAsRoot()) ? [] : ['--user', 'node'],
	});
	const { leader, replica, edit } = fleet;

	await replicateAcrossRestart(fleet);
	await expectNoTrouble(leader, replica);
	expect(await Promise.all([countServers(leader), countServers(replica)])).toEqual([1, 1]);

	// A power cut right after an edit that Kuma has confirmed, while monitors beat.
	await edit((client) => client.addMonitor({ name: 'Power', url: target.url, interval: 20 }));
	await waitForMonitors(replica, ['Mail', 'Power', 'Shop']);
	await waitFor(async () => (await countBeats(replica)) > 0, {
		timeoutMs: BEATS_MS,
		everyMs: EXEC_EVERY_MS,
		what: 'a beat',
	});
	const beats = await countBeats(replica);
	await edit((client) => client.addMonitor({ name: 'Late', url: 'http://127.0.0.1:9/', active: false }));
	await Promise.all([leader.kill(), replica.kill()]);
	expect(await Promise.all([countServers(leader), countServers(replica)])).toEqual([0, 0]);
	await Promise.all([leader.start(), replica.start()]);

	await waitForMonitors(leader, ['Late', 'Mail', 'Power', 'Shop']);
	await waitForMonitors(replica, ['Late', 'Mail', 'Power', 'Shop']);
	expect(await countBeats(replica)).toBeGreaterThanOrEqual(beats);
	expect(await Promise.all([countServers(leader), countServers(replica)])).toEqual([1, 1]);

	// Kuma alone is killed, as by a lack of memory: its server must be gone before the next Kuma starts one.
	const { kuma } = await replica.status();
	const most = await mostServersUntil(replica, async () => {
		await replica.exec('sh', '-c', `kill -KILL ${kuma.pid}`);
		await replica.waitForStatus(
			'Kuma runs again',
			(now) => now.kuma.restarts === 1 && now.kuma.state === 'running',
		);
	});
	expect(most).toBe(1);
	await edit((client) => client.addMonitor({ name: 'Last', url: 'http://127.0.0.1:9/', active: false }));
	await waitForMonitors(replica, ['Last', 'Late', 'Mail', 'Power', 'Shop']);
});

/** The pre-release that npm has logs in to its own server as the user node, whoever runs it. */
async function ownsDatabaseAsRoot(): Promise<boolean> {
	const { directory } = await kumaInstallation();
	return (await readFile(join(directory, 'server/embedded-mariadb.js'), 'utf8')).includes('userInfo');
}

async function countBeats(instance: Container): Promise<number> {
	const sql = "SELECT COUNT(*) FROM heartbeat WHERE msg = '200 - OK'";
	const socket = '--socket=/app/data/run/mariadb.sock';
	return Number(await instance.exec('mariadb', socket, '--skip-column-names', '--execute', sql, 'kuma'));
}

/** @returns how many MariaDB servers run on the files of an instance, in whatever container. */
async function countServers(instance: Container): Promise<number> {
	const files = await stat(join(await instance.volumePath(), 'mariadb'));
	const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
	const isServer = await Promise.all(
		pids.map(async (pid) => {
			try {
				if ((await readFile(`/proc/${pid}/comm`, 'utf8')) !== 'mariadbd\n') return false;
				const folder = await stat(`/proc/${pid}/cwd`);
				return folder.ino === files.ino && folder.dev === files.dev;
			} catch {
				// It ended meanwhile.
				return false;
			}
		}),
	);
	return isServer.filter(Boolean).length;
}

/** @returns the highest number of servers that was seen while something was done. */
async function mostServersUntil(instance: Container, work: () => Promise<void>): Promise<number> {
	let isDone = false;
	const watch = async () => {
		let most = 0;
		while (!isDone) {
			most = Math.max(most, await countServers(instance));
			await delay(POLL_MS);
		}
		return most;
	};
	const doing = work().finally(() => {
		isDone = true;
	});
	const [most] = await Promise.all([watch(), doing]);
	return most;
}
