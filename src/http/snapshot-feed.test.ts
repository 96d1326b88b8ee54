import { expect, test } from 'vitest';
import { SnapshotFeed } from './snapshot-feed.ts';

const hint = (generation: number, isKept = false) => ({
	generation,
	digest: `${generation}`.padStart(64, '0'),
	isKept,
});
const { digest } = hint(1);
const none = async () => null;

test('a snapshot is sealed when somebody asks for it, and once', async () => {
	const feed = new SnapshotFeed();
	let sealed = 0;
	feed.announce(hint(1), async () => new Uint8Array([++sealed]));
	expect(sealed).toBe(0);

	const contents = await Promise.all([feed.content(digest), feed.content(digest)]);
	feed.announce(hint(1, true), none);

	expect([...contents, await feed.content(digest)]).toEqual(Array(3).fill(new Uint8Array([1])));
});

test('only the newest has content', async () => {
	const feed = new SnapshotFeed();
	expect(await feed.content(digest)).toBeNull();

	feed.announce(hint(1), async () => new Uint8Array([1]));
	feed.announce(hint(2), async () => new Uint8Array([2]));

	expect(await feed.content(digest)).toBeNull();
	expect(await feed.content(hint(2).digest)).toEqual(new Uint8Array([2]));
});

test('what could not be sealed is tried again by whoever asks next', async () => {
	const feed = new SnapshotFeed();
	let calls = 0;
	feed.announce(hint(1), async () => {
		calls += 1;
		if (calls === 1) throw new Error('no key');
		return new Uint8Array([calls]);
	});

	await expect(feed.content(digest)).rejects.toThrow('no key');

	expect(await feed.content(digest)).toEqual(new Uint8Array([2]));
});

test('listeners hear of each news and of nothing twice, until they stop listening', () => {
	const feed = new SnapshotFeed();
	const heard: unknown[] = [];
	const stop = feed.subscribe(() => heard.push(feed.newest));

	feed.announce(hint(1), none);
	feed.announce(hint(1), none);
	feed.announce(hint(1, true), none);
	stop();
	feed.announce(hint(2), none);

	expect(heard).toEqual([hint(1), hint(1, true)]);
});

test('a snapshot that was not published after all is given to nobody', async () => {
	const feed = new SnapshotFeed();
	feed.announce(hint(1), async () => new Uint8Array([1]));

	feed.withdraw(hint(2).digest);
	expect(feed.newest).toEqual(hint(1));
	feed.withdraw(digest);

	expect(feed.newest).toBeNull();
	expect(await feed.content(digest)).toBeNull();
});
