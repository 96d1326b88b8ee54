import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fakedReplicator } from '../kit/faked-replicator.ts';
import { freePort } from '../kit/free-port.ts';
import { startHttpTarget } from '../kit/http-target.ts';
import { startNtfyServer } from '../kit/ntfy-server.ts';
import { TEST_TOKEN } from '../kit/public-server.ts';
import { PROGRAM } from '../kit/replicator.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

const PUSH_KEY = 'a9b8c7d6e5';
/** What `fetch`, `Request` and `WebSocket` bring along, and HTTP/2. */
const HEAVY = /undici|http2/;

/** Parts of Node that a process has loaded by its end, as a file. */
const TELL_MODULES = `
if (process.argv[2] === 'run')
	process.on('exit', () =>
		require('node:fs').writeFileSync(process.env.MODULES_FILE, process.moduleLoadList.join('\\n')));
`;

test('of all that it does over HTTP an instance loads nothing heavy, and tells no secret to who debugs', async () => {
	const directory = await temporaryDirectory('modules');
	const hook = join(directory, 'hook.cjs');
	await writeFile(hook, TELL_MODULES);
	const repository = join(directory, 'repository');
	await makeWeakRepository(repository);
	const ntfy = await startNtfyServer();
	const heartbeat = await startHttpTarget();
	onTestFinished(() => heartbeat.stop());
	const ports = { leader: await freePort(), replica: await freePort() };
	const open = (mode: 'BACKUP' | 'RESTORE', fixture: string, more: Record<string, string>) =>
		fakedReplicator({
			mode,
			fixture,
			repository,
			program: [process.execPath, '--require', hook, PROGRAM],
			environment: {
				MODULES_FILE: join(directory, mode),
				NTFY_URL: `${ntfy.url}/fleet`,
				REPLICATOR_NUDGE: 'on',
				REPLICATOR_TOKEN: TEST_TOKEN,
				REPLICATOR_HEARTBEAT_URL: `${heartbeat.url}api/push/${PUSH_KEY}`,
				// What people set to see what Kuma's packages do.
				DEBUG: '*',
				...more,
			},
		});
	const leader = await open('BACKUP', 'plain-2.3.2.sqlite.db.gz', {
		REPLICATOR_LISTEN: String(ports.leader),
	});
	const replica = await open('RESTORE', 'plain-2.0.2.sqlite.db.gz', {
		REPLICATOR_LISTEN: String(ports.replica),
		REPLICATOR_LEADER_URL: `http://127.0.0.1:${ports.leader}`,
	});
	await leader.start();
	await leader.waitForStatus('a snapshot', ({ newest }) => newest !== null);
	await replica.start();
	await replica.waitForStatus('a snapshot applied', ({ applied }) => applied !== null);
	await replica.waitForStatus('the leader heard', (status) => status.leader?.isConnected === true);
	const headers = { authorization: `Bearer ${TEST_TOKEN}` };
	for (const port of Object.values(ports))
		expect((await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).status).toBe(200);

	await replica.stop();
	await leader.stop();

	expect(ntfy.subscriptions).not.toEqual([]);
	expect(ntfy.messages).not.toEqual([]);
	expect(heartbeat.hits).not.toEqual([]);
	for (const secret of [TEST_TOKEN, PUSH_KEY]) expect(leader.log() + replica.log()).not.toContain(secret);
	for (const mode of ['BACKUP', 'RESTORE']) {
		const modules = (await readFile(join(directory, mode), 'utf8')).split('\n');
		expect(modules).toContain('NativeModule http');
		expect(modules.filter((name) => HEAVY.test(name))).toEqual([]);
	}
});
