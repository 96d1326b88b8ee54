import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fakedReplicator } from '../kit/faked-replicator.ts';
import { freePort } from '../kit/free-port.ts';
import { publicServer, TEST_TOKEN } from '../kit/public-server.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

test('a replica shows at once that its leader is gone, and that it is back', async () => {
	const [leaderPort, ownPort] = [await freePort(), await freePort()];
	const leader = await publicServer({ port: leaderPort });
	const replica = await fakedReplicator({
		mode: 'RESTORE',
		fixture: null,
		repository: join(await temporaryDirectory('repository'), 'restic'),
		environment: {
			REPLICATOR_LISTEN: String(ownPort),
			REPLICATOR_TOKEN: TEST_TOKEN,
			REPLICATOR_LEADER_URL: `http://127.0.0.1:${leaderPort}`,
		},
	});
	const headers = { authorization: `Bearer ${TEST_TOKEN}` };
	const metric = async () => {
		const answer = await fetch(`http://127.0.0.1:${ownPort}/metrics`, { headers });
		return (await answer.text()).match(/^replicator_kuma_leader_connected .*$/m)?.[0];
	};
	await replica.start();
	await replica.waitForStatus('the connection', (status) => status.leader?.isConnected === true);
	expect(await metric()).toBe('replicator_kuma_leader_connected 1');
	expect((await replica.run('status')).stdout).toMatch(/^Leader .*, connected$/m);

	await leader.close();

	const lost = await replica.waitForStatus('the loss', (status) => status.leader?.isConnected === false);
	expect(lost.leader?.reason).toEqual(expect.any(String));
	expect(await metric()).toBe('replicator_kuma_leader_connected 0');
	expect((await replica.run('status')).stdout).toMatch(/^Leader .*, not connected \(/m);

	await publicServer({ port: leaderPort });

	const back = await replica.waitForStatus('the return', (status) => status.leader?.isConnected === true);
	expect(back.leader?.reason).toBeNull();
});
