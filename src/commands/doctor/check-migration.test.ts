import { describe, expect, test } from 'vitest';
import type { LegacySnapshot, PublishedSnapshot } from '../../model/lineage.ts';
import { checkMigration } from './check-migration.ts';

const ORIGINAL: LegacySnapshot = {
	id: 'a817591c'.repeat(8),
	time: '2026-11-24T15:31:00.117700533Z',
	hostname: 'old-leader',
	version: 2,
};
const HEAD: PublishedSnapshot = {
	id: '4f3a9c21'.repeat(8),
	time: '2026-11-24T15:30:00Z',
	hostname: 'new-leader',
	generation: 1,
	digest: 'd1'.repeat(32),
	parentId: null,
	instanceId: 'an-instance',
	allowsDeletes: false,
};

function check(more: {
	readonly published?: readonly PublishedSnapshot[];
	readonly legacy?: readonly LegacySnapshot[];
	readonly role?: 'leader' | 'replica';
	readonly isHeir?: boolean;
}) {
	const { published = [], legacy = [], role = 'replica', isHeir = true } = more;
	return checkMigration({ listing: { published, legacy }, role, isHeir });
}

describe('the check of a migration', () => {
	test('has nothing to say where the original never was', () => {
		expect(check({ published: [HEAD] })).toMatchObject([{ check: 'migrate', verdict: 'ok' }]);
	});

	test('tells a replica that it follows the original until the leader is switched', () => {
		expect(check({ legacy: [ORIGINAL] })).toMatchObject([
			{
				verdict: 'warning',
				message: expect.stringMatching(
					/^The repository has only 1 snapshots of the original .* a817591c from old-leader, /,
				),
				hint: expect.stringMatching(
					/^This replica follows them .* switch the leader\. See docs\/migration\.md\.$/,
				),
			},
		]);
	});

	test('tells a leader to stop the original one', () => {
		expect(check({ legacy: [ORIGINAL], role: 'leader' })).toMatchObject([
			{ verdict: 'warning', hint: expect.stringMatching(/^Stop the original leader\./) },
		]);
	});

	test('warns of an original leader that goes on publishing', () => {
		expect(check({ published: [HEAD], legacy: [ORIGINAL] })).toMatchObject([
			{
				verdict: 'warning',
				message: expect.stringMatching(/^The original leader still publishes: .* Nobody follows it here\.$/),
				hint: expect.stringMatching(/^Stop the original on old-leader, /),
			},
		]);
	});

	test('is content when the new leader has published since', () => {
		const head = { ...HEAD, time: '2026-11-24T16:31:01+01:00' };

		expect(check({ published: [head], legacy: [ORIGINAL] })).toMatchObject([
			{ verdict: 'ok', message: expect.stringContaining('nobody follows them any more') },
		]);
	});

	test('says to another fleet that the original is none of its own', () => {
		expect(check({ legacy: [ORIGINAL], isHeir: false })).toMatchObject([
			{ verdict: 'ok', message: expect.stringContaining('only the fleet "default" follows them') },
		]);
	});

	test('tells that version 1 cannot be followed, until there is a leader', () => {
		const legacy = [{ ...ORIGINAL, version: 1 }] as const;

		expect(check({ legacy })).toMatchObject([
			{ verdict: 'warning', message: expect.stringContaining('version 1') },
		]);
		expect(check({ legacy, published: [HEAD] })).toMatchObject([{ verdict: 'ok' }]);
	});
});
