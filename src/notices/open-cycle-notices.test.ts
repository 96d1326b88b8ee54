import { expect, test } from 'vitest';
import { goodConfig } from '../../test/kit/load-test-config.ts';
import { startNtfyServer } from '../../test/kit/ntfy-server.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { openCycleNotices, readdressCycleNotices } from './open-cycle-notices.ts';

const log = { debug() {}, info() {}, warning() {}, error() {} };
const trouble = new ReplicatorError('The repository is away', { code: 'repository-unreachable' });

/** Tells the same trouble before and after the configuration was read again. @returns who was told. */
async function tellTwice(topics: readonly [before: string, after: string]): Promise<readonly string[]> {
	const ntfy = await startNtfyServer();
	const [before, after] = topics.map((topic) => goodConfig({ NTFY_URL: `${ntfy.url}/${topic}` }));
	if (before === undefined || after === undefined) return expect.fail('no configuration');
	const notices = openCycleNotices(before, log);
	notices.tellError(trouble);
	await notices.settled();

	readdressCycleNotices(notices, { before, config: after, log });
	notices.tellError(trouble);
	await notices.settled();

	return ntfy.messages.map(({ topic }) => topic);
}

test('what was told is not told again because the configuration is read again', async () => {
	expect(await tellTwice(['fleet', 'fleet'])).toEqual(['fleet']);
});

test('an address that becomes known is told what others were told before', async () => {
	expect(await tellTwice(['old', 'new'])).toEqual(['old', 'new']);
});
