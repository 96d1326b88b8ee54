import { expect, test } from 'vitest';
import { readRequest } from './read-request.ts';

const CHANGES = {
	rows: [{ table: 'monitor', key: [1], kind: 'changed', columns: ['name'] }],
	retaggedMonitors: [],
	relinkedMonitors: [],
	settings: [],
	isEverything: false,
	timezone: 'Europe/Berlin',
};

const { timezone: _zone, ...WITHOUT_ZONE } = CHANGES;

test.each([
	[{ method: 'hello' }],
	[{ method: 'release', timezone: null }],
	[{ method: 'stop', changes: CHANGES, leaseMs: 10_000 }],
	[{ method: 'renew', leaseMs: 10_000 }],
	[{ method: 'reload', changes: CHANGES }],
	[{ method: 'reload', changes: WITHOUT_ZONE }],
])('$method is taken as it is', (request) => {
	expect(readRequest({ id: 1, ...request })).toEqual(request);
});

test.each([
	[null],
	[[]],
	['hello'],
	[{}],
	[{ method: 'constructor' }],
	[{ method: 'release' }],
	[{ method: 'stop', leaseMs: 1_000 }],
	[{ method: 'stop', changes: CHANGES }],
	[{ method: 'stop', changes: CHANGES, leaseMs: 0 }],
	[{ method: 'stop', changes: CHANGES, leaseMs: 1e12 }],
	[{ method: 'renew', leaseMs: 'long' }],
	[{ method: 'reload', changes: { ...CHANGES, rows: [null] } }],
	[{ method: 'reload', changes: { ...CHANGES, rows: [{ table: 'monitor' }] } }],
	[{ method: 'reload', changes: { ...CHANGES, settings: undefined } }],
	[{ method: 'reload', changes: { ...CHANGES, timezone: 1 } }],
	[{ method: 'reload', changes: { ...CHANGES, isEverything: undefined } }],
])('refused: %j', (request) => {
	expect(() => readRequest(request)).toThrow();
});
