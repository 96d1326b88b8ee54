import { expect, test } from 'vitest';
import { testStatus } from '../../../test/kit/test-status.ts';
import type { Status } from '../../model/status.ts';
import { exitCodeOfStatus, troublesOf } from './status-troubles.ts';

const AT = '2026-11-27T10:00:00.000Z';
const { kuma } = testStatus();
const withKuma = (change: Partial<Status['kuma']>) => testStatus({ kuma: { ...kuma, ...change } });
const titlesOf = (status: Status) => troublesOf(status).map(({ title }) => title);

test.each(['stopped', 'backing-off'] as const)('a Kuma that is %s is a failure, and named first', (state) => {
	const status = withKuma({ state, beats: { ...kuma.beats, state: 'missing' } });

	expect(exitCodeOfStatus(withKuma({ state }))).toBe(1);
	expect(titlesOf(status)).toEqual(['Not running', 'No beats']);
});

test.each(['starting', 'running', 'stopping'] as const)('a Kuma that is %s is none', (state) => {
	expect(exitCodeOfStatus(withKuma({ state }))).toBe(0);
	expect(troublesOf(withKuma({ state }))).toEqual([]);
});

test('whatever a person should see stands among the troubles', () => {
	const trouble = { part: 'http', code: 'x', message: 'No port', hint: 'Look.', since: AT, retryAt: null };
	const status = testStatus({
		troubles: [trouble],
		lastError: { code: 'x', message: 'No network.', hint: 'Look.', at: AT },
		kuma: { ...kuma, agent: { ...kuma.agent, problems: ['monitor 1'] } },
		unexpectedErrors: { count: 3, last: { message: 'TypeError', at: AT } },
	});

	expect(titlesOf(status)).toEqual(['Down', 'Last error', 'Not yet up', 'Unexpected']);
	expect(troublesOf(status).at(-1)?.text).toMatch(/^3 since the start, .*: TypeError$/);
});

test('what waits for a person, and no replicator-kuma at all, have exit codes of their own', () => {
	const lastCycle = { needsDecision: true } as Status['lastCycle'];

	expect(exitCodeOfStatus(testStatus({ lastCycle }))).toBe(3);
	expect(exitCodeOfStatus(null)).toBe(4);
});
