import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { FAKED_COMMAND, fakedReplicator } from '../kit/faked-replicator.ts';
import type { Replicator } from '../kit/replicator.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';

/** Started by something else, for all that the agent can do about it. */
const WITHOUT_AGENT = ['env', '-u', 'NODE_OPTIONS', ...FAKED_COMMAND];

/** A leader that has published what its database holds, and then hears of edits from nobody. */
async function startLeader(command: readonly string[]): Promise<Replicator> {
	const repository = await temporaryDirectory('repository');
	await makeWeakRepository(repository);
	const leader = await fakedReplicator({
		mode: 'BACKUP',
		fixture: 'plain-2.3.2.sqlite.db.gz',
		repository,
		command,
	});
	await leader.start();
	await leader.waitForStatus('the first snapshot', ({ applied }) => applied?.generation === 1);
	return leader;
}

function edit({ dataDirectory }: Replicator, sql: string): void {
	const connection = new DatabaseSync(join(dataDirectory, 'kuma.db'), { timeout: 5_000 });
	try {
		connection.exec(sql);
	} finally {
		connection.close();
	}
}

const RENAME = "UPDATE monitor SET name = name || ' (renamed)' WHERE id = 1";

test.each([
	['without the agent', WITHOUT_AGENT],
	['whose agent cannot hear it write', FAKED_COMMAND],
])('an edit of a Kuma %s is published though nobody tells of it', async (_what, command) => {
	const leader = await startLeader(command);

	edit(leader, RENAME);

	await leader.waitForStatus('the edit in a snapshot', ({ applied }) => applied?.generation === 2);
});

test('an edit that an agent did not tell of is published once the agent is lost', async () => {
	const leader = await startLeader([...WITHOUT_AGENT, '--agent']);
	await leader.waitForStatus('the agent', ({ kuma }) => kuma.agent.isConnected);
	edit(leader, RENAME);

	process.kill(leader.pid, 'SIGUSR2');

	const status = await leader.waitForStatus('the edit', ({ applied }) => applied?.generation === 2);
	expect(status.kuma.agent.isConnected).toBe(false);
});
