import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type FleetMember, fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository, memoryStore } from '../kit/memory-repository.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const SECRET = 'nobody may see this';
const HUGE_BYTES = 33 * 1024 * 1024;

async function pair() {
	const repository = memoryRepository({ store: memoryStore() });
	let time = Date.now();
	const leader = await fleetMember({ mode: 'BACKUP', repository });
	await mkdir(join(leader.dataDirectory, 'upload'));
	await writeFile(join(leader.dataDirectory, 'upload/good.png'), 'a good image');
	leader.edit("UPDATE status_page SET icon = '/upload/good.png?t=1' WHERE id = 2");
	await leader.cycle();
	const replica = await fleetMember({ mode: 'RESTORE', repository, now: () => time });
	await replica.cycle();
	const pass = (ms: number) => {
		time += ms;
	};
	return { leader, replica, pass };
}

async function outside(): Promise<string> {
	const path = join(await temporaryDirectory('outside'), 'secret');
	await writeFile(path, SECRET);
	return path;
}

async function listen(path: string): Promise<void> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(path, resolve));
	onTestFinished(() => void server.close());
}

describe('an image of a status page that a leader cannot read', () => {
	test.each<[string, string, RegExp, (upload: string) => Promise<unknown>]>([
		['a folder', 'x.png', /is a folder/, (upload) => mkdir(join(upload, 'x.png'))],
		['a file below a file', 'good.png/x', /good\.png is a file/, async () => undefined],
		['a link to another image', 'x.png', /is a link/, (upload) => symlink('good.png', join(upload, 'x.png'))],
		[
			'a link to the outside',
			'x.png',
			/is a link/,
			async (upload) => symlink(await outside(), join(upload, 'x.png')),
		],
		['a link to nothing', 'x.png', /is a link/, (upload) => symlink('nowhere', join(upload, 'x.png'))],
		['a link to itself', 'x.png', /is a link/, (upload) => symlink('x.png', join(upload, 'x.png'))],
		[
			'a file in a linked folder',
			'more/secret',
			/more is a link/,
			async (upload) => symlink(join(await outside(), '..'), join(upload, 'more')),
		],
		['a pipe', 'x.png', /is a pipe/, async (upload) => execFileSync('mkfifo', [join(upload, 'x.png')])],
		['a socket', 'x.png', /is a socket/, (upload) => listen(join(upload, 'x.png'))],
		[
			'a file of more than 32 MB',
			'x.png',
			/larger than 32 MB/,
			async (upload) => {
				await writeFile(join(upload, 'x.png'), '');
				await truncate(join(upload, 'x.png'), HUGE_BYTES);
			},
		],
		['a name that is too long', `${'a'.repeat(300)}.png`, /ENAMETOOLONG/, async () => undefined],
		['a way out of the folder', '../kuma.db', /plain path/, async () => undefined],
		['a way through the folder itself', './/good.png', /plain path/, async () => undefined],
	])('%s is named, and everything else is published', async (_what, name, reason, make) => {
		const { leader, replica } = await pair();
		await make(join(leader.dataDirectory, 'upload'));

		leader.edit(`UPDATE status_page SET icon = '/upload/${name}?t=2' WHERE id = 1;
			UPDATE monitor SET name = 'An unrelated edit' WHERE id = 5`);
		const published = await leader.cycle();
		const applied = await replica.cycle();

		expect([published.outcome, applied.outcome]).toEqual(['published', 'applied']);
		expect(published.summary).toMatch(reason);
		expect(published.heldRows).toMatchObject([{ table: 'file', key: `upload/${name}` }]);
		expect(published.summary).not.toContain(SECRET);
		const names = new Map((await replica.table('monitor')).map((row) => [row.id, row.name]));
		expect(names.get(5)).toBe('An unrelated edit');
		expect(await readdir(join(replica.dataDirectory, 'upload'))).toEqual(['good.png']);
		// It is no news at the next cycle, and no reason to publish again.
		expect((await leader.cycle()).outcome).toBe('unchanged');
		expect((await leader.cycle()).summary).toMatch(reason);
	});

	test('with a NUL in its name is named, too', async () => {
		const { leader } = await pair();

		leader.edit("UPDATE status_page SET icon = '/upload/a' || char(0) || 'b.png' WHERE id = 1");

		expect((await leader.cycle()).summary).toMatch(/plain path/);
	});
});

describe('an image that a replica cannot write', () => {
	const images = async (member: FleetMember) => {
		const upload = join(member.dataDirectory, 'upload');
		return (await readdir(upload)).sort();
	};

	async function publishImage(leader: FleetMember, path = 'new.png') {
		const target = join(leader.dataDirectory, 'upload', path);
		await mkdir(join(target, '..'), { recursive: true });
		await writeFile(target, 'a new image');
		leader.edit(`UPDATE status_page SET icon = '/upload/${path}?t=2' WHERE id = 1;
			UPDATE monitor SET name = 'An unrelated edit' WHERE id = 5`);
		await leader.cycle();
	}

	async function expectRest(replica: FleetMember) {
		const names = new Map((await replica.table('monitor')).map((row) => [row.id, row.name]));
		expect(names.get(5)).toBe('An unrelated edit');
	}

	test.each<[string, string, RegExp, (upload: string) => Promise<unknown>]>([
		[
			'a folder stands in its place',
			'new.png',
			/EISDIR|ENOTEMPTY/,
			async (upload) => {
				await mkdir(join(upload, 'new.png'));
				await writeFile(join(upload, 'new.png', 'kept'), 'kept');
			},
		],
		[
			'a file stands in the place of its folder',
			'more/new.png',
			/more is a file/,
			(upload) => writeFile(join(upload, 'more'), 'a file'),
		],
		[
			'its folder is a link',
			'more/new.png',
			/more is a link/,
			async (upload) => symlink(await temporaryDirectory('outside'), join(upload, 'more')),
		],
	])('because %s is named, and the rest is applied', async (_what, path, reason, make) => {
		const { leader, replica, pass } = await pair();
		const upload = join(replica.dataDirectory, 'upload');
		await make(upload);
		const before = await images(replica);

		await publishImage(leader, path);
		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		await expectRest(replica);
		expect(replica.state.heldRows).toMatchObject([{ table: 'file', key: `upload/${path}` }]);
		expect(replica.state.heldRows[0]?.reason).toMatch(reason);
		expect(await images(replica)).toEqual(before);
		const again = await replica.cycle();
		expect(again.outcome).not.toBe('applied');

		await rm(join(upload, path.split('/')[0] ?? ''), { recursive: true });
		pass(10 * 60_000);
		await replica.cycle();
		expect(await readFile(join(upload, path), 'utf8')).toBe('a new image');
		expect(replica.state.heldRows).toEqual([]);
	});

	test('because the folder for uploads is a link is named, and nothing is written behind the link', async () => {
		const { leader, replica } = await pair();
		const upload = join(replica.dataDirectory, 'upload');
		const elsewhere = await temporaryDirectory('outside');
		await rm(upload, { recursive: true });
		await symlink(elsewhere, upload);

		await publishImage(leader);
		const report = await replica.cycle();

		expect(report.outcome).toBe('applied');
		await expectRest(replica);
		expect(replica.state.heldRows.map(({ key }) => key)).toEqual(['upload/good.png', 'upload/new.png']);
		expect(await readdir(elsewhere)).toEqual([]);
	});

	test('because a link has its name takes the place of the link, and what that points to stays', async () => {
		const { leader, replica } = await pair();
		const secret = await outside();
		await symlink(secret, join(replica.dataDirectory, 'upload/new.png'));

		await publishImage(leader);
		await replica.cycle();

		expect((await lstat(join(replica.dataDirectory, 'upload/new.png'))).isFile()).toBe(true);
		expect(await readFile(join(replica.dataDirectory, 'upload/new.png'), 'utf8')).toBe('a new image');
		expect(await readFile(secret, 'utf8')).toBe(SECRET);
		expect(replica.state.heldRows).toEqual([]);
	});

	test('that no page shows any more, and that cannot be removed, stops nothing', async () => {
		const { leader, replica } = await pair();
		const upload = join(replica.dataDirectory, 'upload');
		await rm(join(upload, 'good.png'));
		await mkdir(join(upload, 'good.png'));

		leader.edit(`UPDATE status_page SET icon = '/icon.svg' WHERE id = 2;
			UPDATE monitor SET name = 'An unrelated edit' WHERE id = 5`);
		await leader.cycle();
		await replica.cycle();

		await expectRest(replica);
		expect(existsSync(join(upload, 'good.png'))).toBe(true);
	});
});
