import { expect, test } from 'vitest';
import { fleetMember } from '../kit/fleet-member.ts';
import { legacyRepository, publishAsOriginal } from '../kit/legacy-repository.ts';
import { publishListed } from '../kit/publish-listed.ts';
import { testPublication, testTree } from '../kit/restic.ts';

const SEED = '5dc7fb8daf2d48688c2044bf86761876a9e1848a902bef15731a5cccf4b18fed';
const NEWEST = 'a817591c3fa58ec1e4cfd0f9bf4e0bfc23b50c251cd1e64456dec94657c20eb1';

/** A repository of an original leader, as a fleet of ours sees it. */
async function open(fleet = 'default') {
	const legacy = await legacyRepository('sqlite');
	const place = await legacy.open({ fleet });
	return {
		...place,
		publish: async () =>
			publishListed(
				place.repository,
				testPublication({ directory: await testTree({ 'manifest.json': '{}' }) }),
			),
	};
}

test('its snapshots are listed beside the lineage in one restic process, without what others keep there', async () => {
	const place = await open();
	const { repository, restic, calls } = place;
	const tree = await testTree({ 'photo.jpg': 'a photo' });
	await restic('backup', tree);
	await restic('backup', '--tag', 'photos', tree);
	await publishAsOriginal(place, { version: 1 });
	const published = await place.publish();
	const callsBefore = calls.length;

	const listing = await repository.listWithLegacy();

	expect(listing.published).toEqual([published]);
	expect(listing.legacy.filter(({ version }) => version === 2)).toMatchObject([
		{ id: SEED, hostname: 'leader' },
		{ id: NEWEST, hostname: 'leader' },
	]);
	expect(listing.legacy.filter(({ version }) => version === 1)).toMatchObject([{ hostname: 'an-original' }]);
	expect(calls.slice(callsBefore).map(({ command }) => command)).toEqual(['snapshots']);
	expect(await repository.list()).toEqual([published]);
});

test('no other fleet than the default one sees them', async () => {
	const { repository } = await open('another');

	expect(await repository.listWithLegacy()).toEqual({ published: [], legacy: [] });
});

test('retention leaves them alone, and they keep nobody of the fleet that inherits them from pruning', async () => {
	const [heir, another] = [await open(), await open('another')];
	const retention = { last: 1, days: 1, months: 1 };

	const ends = [];
	for (const { repository, publish } of [heir, another]) {
		await publish();
		const { id: headId } = await publish();
		await repository.retain({ retention, headId });
		ends.push(await repository.prune());
	}

	expect(ends).toEqual([{ outcome: 'pruned' }, { outcome: 'shared' }]);
	const { legacy } = await heir.repository.listWithLegacy();
	expect(legacy.map(({ id }) => id)).toEqual([SEED, NEWEST]);
});

test('the first snapshot of an original leader, which lies elsewhere in its tree, is followed as well', async () => {
	const { repository, restic } = await open();
	await restic('forget', NEWEST);
	const replica = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true });

	const report = await replica.cycle();

	expect(report).toMatchObject({ outcome: 'applied', snapshotId: SEED });
	expect(await replica.table('monitor')).toHaveLength(20);
});

test('a snapshot without an export is refused as long as it is the newest, and changes nothing', async () => {
	const place = await open();
	const replica = await fleetMember({ mode: 'RESTORE', repository: place.repository, isEmpty: true });
	await replica.cycle();
	const before = await replica.rows();
	await publishAsOriginal(place);

	await expect(replica.cycle()).rejects.toMatchObject({
		code: 'snapshot-corrupt',
		message: expect.stringContaining('it has no exported tables'),
	});

	expect(await replica.rows()).toEqual(before);
	expect(replica.state.position).toMatchObject({ id: NEWEST, generation: 0 });
});
