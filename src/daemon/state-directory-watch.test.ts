import { rename, rm, writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { stateDirectory } from '../../test/kit/monitored-kuma.ts';
import { waitFor } from '../../test/kit/wait-for.ts';
import { examineBesideState } from '../instance/state-folder/state-directory-check.ts';
import { watchStateDirectory } from './state-directory-watch.ts';
import { Troubles } from './status/troubles.ts';

const log = { debug() {}, info() {}, warning() {}, error() {} };

test('while the whole folder cannot be used, what is wrong inside of it is neither back nor named again', async () => {
	const { paths } = await stateDirectory();
	await writeFile(paths.cacheDirectory, 'of somebody');
	const told: string[] = [];
	const troubles = new Troubles({
		log,
		onTrouble: () => void told.push('down'),
		onOver: () => void told.push('back'),
	});
	const ending = new AbortController();
	onTestFinished(() => ending.abort());
	const watch = watchStateDirectory({ paths, troubles, signal: ending.signal });
	const isTold = (words: string) =>
		waitFor(() => told.join() === words, { timeoutMs: 5_000, what: `${words} is told` });
	await isTold('down');

	await rename(paths.root, `${paths.root}-away`);
	await writeFile(paths.root, '');
	watch.wake();
	// The watch has begun before each of these, and has as much to look at.
	for (let look = 0; look < 3; look += 1) expect(await examineBesideState(paths)).toBeNull();
	await rm(paths.root);
	await rename(`${paths.root}-away`, paths.root);
	await rm(paths.cacheDirectory);
	watch.wake();

	await isTold('down,back');
});
