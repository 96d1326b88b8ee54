import { mkdtemp, open, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openUploads } from './upload-directory.ts';

async function dataDirectory(): Promise<string> {
	const path = await mkdtemp(join(tmpdir(), 'replicator-kuma-uploads-'));
	onTestFinished(() => rm(path, { recursive: true }));
	return path;
}

/** Notes what is synced, in the order in which it is; it is synced all the same. */
async function watchSyncs(directory: string): Promise<string[]> {
	const synced: string[] = [];
	const handle = await open(directory, 'r');
	const prototype = Object.getPrototypeOf(handle) as typeof handle;
	await handle.close();
	const { sync } = prototype;
	const spy = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: typeof handle) {
		synced.push(await readlink(`/proc/self/fd/${this.fd}`));
		return sync.call(this);
	});
	onTestFinished(() => spy.mockRestore());
	return synced;
}

test('a file that is written survives a power cut: it, and then every folder that names something new', async () => {
	const directory = await dataDirectory();
	const synced = await watchSyncs(directory);

	await openUploads(directory).write('upload/pages/logo.png', Buffer.from('an image'));

	const temporary = expect.stringMatching(/\.logo\.png\.[0-9a-f]{12}\.tmp$/);
	const upload = join(directory, 'upload');
	expect(synced).toEqual([directory, upload, temporary, join(upload, 'pages')]);
});

test('what a killed write left behind goes with the next one, and nothing else', async () => {
	const directory = await dataDirectory();
	const uploads = openUploads(directory);
	await uploads.write('upload/one.png', Buffer.from('1'));
	await writeFile(join(directory, 'upload', 'two.png.0123abcd.tmp'), 'half');
	await writeFile(join(directory, 'upload', '.five.png.0123456789ab.tmp'), 'half');
	await writeFile(join(directory, 'upload', 'three.tmp'), 'of a person');

	await openUploads(directory).write('upload/four.png', Buffer.from('4'));

	expect((await readdir(join(directory, 'upload'))).sort()).toEqual(['four.png', 'one.png', 'three.tmp']);
});

test('what is no failure of a file is a bug, and is not told as one', async () => {
	const uploads = openUploads(await dataDirectory());
	const bug = new TypeError('this is a bug');
	const content = Object.defineProperty({}, Symbol.asyncIterator, {
		get: () => {
			throw bug;
		},
	});

	await expect(uploads.write('upload/one.png', content as Uint8Array)).rejects.toBe(bug);
});
