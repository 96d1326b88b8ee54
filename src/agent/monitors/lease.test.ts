import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AgentChanges } from '../../model/agent-protocol.ts';
import { Lease } from './lease.ts';

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

function changes(id: number): AgentChanges {
	return {
		rows: [{ table: 'monitor', key: [id], kind: 'changed', columns: ['name'] }],
		retaggedMonitors: [],
		relinkedMonitors: [],
		settings: [],
		isEverything: false,
		timezone: null,
	};
}

function openLease() {
	const ended: AgentChanges[] = [];
	return { lease: new Lease((open) => ended.push(open)), ended };
}

test('what was stopped is taken up when nobody reloads in time', () => {
	const { lease, ended } = openLease();
	lease.begin({}, changes(1), 1_000);

	vi.advanceTimersByTime(999);
	expect(ended).toEqual([]);
	vi.advanceTimersByTime(1);

	expect(ended).toEqual([changes(1)]);
});

test('a lease that is renewed lasts longer', () => {
	const { lease, ended } = openLease();
	lease.begin({}, changes(1), 1_000);

	vi.advanceTimersByTime(900);
	lease.renew(1_000);
	vi.advanceTimersByTime(900);

	expect(ended).toEqual([]);
});

test('a lease that is renewed for ever ends all the same', () => {
	const { lease, ended } = openLease();
	lease.begin({}, changes(1), 1_000);

	for (let seconds = 0; seconds < 120; seconds += 1) {
		vi.advanceTimersByTime(500);
		lease.renew(1_000);
	}

	expect(ended).toEqual([changes(1)]);
});

test('a reload ends the lease and takes everything that was stopped along', () => {
	const { lease, ended } = openLease();
	lease.begin({}, changes(1), 1_000);
	lease.begin({}, changes(2), 1_000);

	const settled = lease.settle(changes(3));
	vi.advanceTimersByTime(10_000);

	expect(settled.rows.map(({ key }) => key[0])).toEqual([1, 2, 3]);
	expect(ended).toEqual([]);
});

test('who stopped and is gone leaves nothing stopped, and somebody else who goes changes nothing', () => {
	const { lease, ended } = openLease();
	const owner = {};
	lease.begin(owner, changes(1), 1_000);

	lease.abandon({});
	expect(ended).toEqual([]);
	lease.abandon(owner);
	lease.abandon(owner);

	expect(ended).toEqual([changes(1)]);
});

test('renewing when nothing is stopped does nothing', () => {
	const { lease, ended } = openLease();

	lease.renew(1_000);
	vi.advanceTimersByTime(10_000);

	expect(ended).toEqual([]);
});
