import { describe, expect, test } from 'vitest';
import { freshState } from '../instance/state-folder/state-file.ts';
import type { PublishedSnapshot } from '../model/lineage.ts';
import { decide } from './decide.ts';

const HEAD: PublishedSnapshot = {
	id: 'head',
	time: '2026-11-24T10:00:00Z',
	hostname: 'leader',
	generation: 7,
	digest: 'digest-of-head',
	parentId: 'parent',
	instanceId: 'somebody-else',
	allowsDeletes: false,
};

const STATE = freshState('me');

const AT_HEAD = { ...STATE, position: { id: 'head', generation: 7, digest: 'digest-of-head' } };
const NO_ORDERS = { takesOver: false, allowsDeletes: false };

const decideOn = (more: Partial<Parameters<typeof decide>[0]>) =>
	decide({ head: HEAD, state: STATE, digest: 'digest-of-mine', hasUsers: true, orders: NO_ORDERS, ...more });

describe('a leader publishes', () => {
	test('the first snapshot of a lineage', () => {
		expect(decideOn({ head: null })).toEqual({ decision: 'publish', parent: null, generation: 1 });
	});

	test('a child of the head that it holds', () => {
		expect(decideOn({ state: AT_HEAD })).toEqual({ decision: 'publish', parent: HEAD, generation: 8 });
	});

	test('a child of a head that it was about to publish when it died', () => {
		const head = { ...HEAD, instanceId: 'me' };
		const state = { ...STATE, intent: { parentId: 'parent', generation: 7, digest: 'digest-of-head' } };

		expect(decideOn({ head, state })).toMatchObject({ decision: 'publish', generation: 8 });
	});

	test('over a head that it does not hold, when it is told to take over', () => {
		expect(decideOn({ orders: { takesOver: true, allowsDeletes: false } })).toMatchObject({
			decision: 'publish',
			generation: 8,
		});
	});

	test('an unchanged snapshot once more, when its replicas were handed something else meanwhile', () => {
		const open = { digest: 'announced', parentId: 'head', createdAt: '2026-11-24T10:00:00.000Z' };
		const decisionWith = (generation: number) =>
			decideOn({ state: { ...AT_HEAD, announced: { ...open, generation } }, digest: HEAD.digest });

		expect(decisionWith(8)).toEqual({ decision: 'publish', parent: HEAD, generation: 8 });
		// From a head of that generation on, they follow the head.
		expect(decisionWith(7)).toEqual({ decision: 'unchanged', head: HEAD });
	});

	test('an unchanged snapshot once more, when deletes are to be confirmed', () => {
		const orders = { takesOver: false, allowsDeletes: true };

		expect(decideOn({ state: AT_HEAD, digest: HEAD.digest, orders })).toMatchObject({
			decision: 'publish',
			generation: 8,
		});
	});
});

describe('a leader publishes nothing', () => {
	test('when nothing changed', () => {
		expect(decideOn({ state: AT_HEAD, digest: HEAD.digest })).toMatchObject({ decision: 'unchanged' });
	});

	test('over a head that it does not hold: it compares first', () => {
		expect(decideOn({})).toMatchObject({ decision: 'compare' });
		expect(
			decideOn({ state: { ...STATE, position: { id: 'older', generation: 3, digest: 'x' } } }),
		).toMatchObject({ decision: 'compare' });
	});

	test('over a head of its own identity that it does not remember, as after a restored disk', () => {
		expect(decideOn({ head: { ...HEAD, instanceId: 'me' } })).toMatchObject({ decision: 'compare' });
	});

	test('with the order to confirm deletes alone, over a head that it does not hold', () => {
		expect(decideOn({ orders: { takesOver: false, allowsDeletes: true } })).toMatchObject({
			decision: 'compare',
		});
	});

	test('without users, whatever it was told', () => {
		const orders = { takesOver: true, allowsDeletes: true };

		expect(decideOn({ hasUsers: false, orders })).toMatchObject({ decision: 'restore-first' });
		expect(decideOn({ hasUsers: false, head: null, orders })).toEqual({ decision: 'wait-for-user' });
	});

	test('while rows of the fleet are held here', () => {
		const heldRows = [{ table: 'monitor', key: '1', title: 'API', how: 'held' as const, reason: 'x' }];

		expect(decideOn({ state: { ...AT_HEAD, heldRows } })).toEqual({ decision: 'stand-down-held-rows' });
	});
});
