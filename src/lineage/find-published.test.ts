import { expect, test } from 'vitest';
import type { PublishedSnapshot } from '../model/lineage.ts';
import { findPublished } from './find-published.ts';

const OURS: PublishedSnapshot = {
	id: `abcdef01${'0'.repeat(56)}`,
	time: '2026-11-26T05:00:00Z',
	hostname: 'leader',
	generation: 2,
	digest: 'd'.repeat(64),
	parentId: null,
	instanceId: 'ours',
	allowsDeletes: false,
};
const wanted = { idStart: 'abcdef01', place: OURS, location: 's3:bucket' };

test('what was published is known by the beginning of its id, and by what it is', () => {
	const alike = { ...OURS, id: `abcdef01${'1'.repeat(56)}`, instanceId: 'theirs' };

	expect(findPublished([alike, OURS], wanted)).toBe(OURS);
});

test('what is not listed was forgotten by somebody, and may be tried again', () => {
	const other = { ...OURS, id: '1'.repeat(64) };

	expect(() => findPublished([other], wanted)).toThrow(
		expect.objectContaining({ code: 'restic-failed', isRetryable: true }),
	);
});
