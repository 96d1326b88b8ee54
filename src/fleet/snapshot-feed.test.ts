import { expect, test } from 'vitest';
import { SnapshotFeed } from './snapshot-feed.ts';

const hint = (generation: number, isKept = false) => ({
	generation,
	digest: `${generation}`.padStart(64, '0'),
	isKept,
});
const { digest } = hint(1);
const none = async () => null;

function begunFeed(standing: { readonly instanceId: string; readonly isOpen: boolean }): SnapshotFeed {
	const feed = new SnapshotFeed();
	feed.begin(standing);
	return feed;
}

test('a snapshot is sealed when somebody asks for it, and once', async () => {
	const feed = begunFeed({ instanceId: 'leader', isOpen: false });
	let sealed = 0;
	feed.announce(hint(1), async () => new Uint8Array([++sealed]));
	expect(sealed).toBe(0);

	const contents = await Promise.all([feed.content(digest), feed.content(digest)]);
	feed.announce(hint(1, true), none);

	expect([...contents, await feed.content(digest)]).toEqual(Array(3).fill(new Uint8Array([1])));
});

test('only the newest has content', async () => {
	const feed = begunFeed({ instanceId: 'leader', isOpen: false });
	expect(await feed.content(digest)).toBeNull();

	feed.announce(hint(1), async () => new Uint8Array([1]));
	feed.announce(hint(2), async () => new Uint8Array([2]));

	expect(await feed.content(digest)).toBeNull();
	expect(await feed.content(hint(2).digest)).toEqual(new Uint8Array([2]));
});

test('what could not be sealed is tried again by whoever asks next', async () => {
	const feed = begunFeed({ instanceId: 'leader', isOpen: false });
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
	const feed = begunFeed({ instanceId: 'leader', isOpen: false });
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
	const feed = begunFeed({ instanceId: 'leader', isOpen: false });
	feed.announce(hint(1), async () => new Uint8Array([1]));

	feed.withdraw();

	expect(feed.newest).toBeNull();
	expect(await feed.content(digest)).toBeNull();
});

test('a withdrawal is told once, and what is announced behind it is told as ever', () => {
	const feed = begunFeed({ instanceId: 'leader', isOpen: false });
	const heard: unknown[] = [];
	feed.announce(hint(1), none);
	feed.subscribe(() => heard.push(feed.newest ?? feed.withdrawal));

	feed.withdraw();
	feed.withdraw();
	feed.announce(hint(1), none);

	expect(heard).toEqual([{ instanceId: 'leader' }, hint(1)]);
});

test('a leader that has announced nothing says so, unless an announcement of its earlier process is open', () => {
	const settled = begunFeed({ instanceId: 'leader', isOpen: false });
	const open = begunFeed({ instanceId: 'leader', isOpen: true });

	expect([settled.withdrawal, open.withdrawal]).toEqual([{ instanceId: 'leader' }, null]);
	open.withdraw();
	expect(open.withdrawal).toEqual({ instanceId: 'leader' });
	open.announce(hint(1), none);
	expect(open.withdrawal).toBeNull();
});

test('a leader whose state is not read yet says nothing', () => {
	const feed = new SnapshotFeed();

	expect([feed.newest, feed.withdrawal]).toEqual([null, null]);
	feed.begin({ instanceId: 'leader', isOpen: false });
	expect(feed.withdrawal).toEqual({ instanceId: 'leader' });
});
