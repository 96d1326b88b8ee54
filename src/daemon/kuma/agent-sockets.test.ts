import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { stateDirectory } from '../../../test/kit/monitored-kuma.ts';
import { temporaryDirectory } from '../../../test/kit/temporary-directory.ts';
import { standInPaths } from '../../instance/state-folder/stand-in-directory.ts';
import { createAgentSockets } from './agent-sockets.ts';

beforeEach(async () => {
	vi.stubEnv('TMPDIR', await temporaryDirectory('tmp'));
});
afterEach(() => {
	vi.unstubAllEnvs();
});

/** The agent's place is taken by something that nobody may remove. */
async function occupied() {
	const { dataDirectory, paths } = await stateDirectory();
	await mkdir(paths.agentSocket);
	const standIn = await standInPaths(dataDirectory);
	return { paths, standIn, sockets: createAgentSockets(paths, standIn) };
}

/** @returns where a Kuma would listen that is started at any moment while `work` goes on. */
async function placesWhile(work: Promise<unknown>, next: () => string | null): Promise<Set<string | null>> {
	const places = new Set([next()]);
	let isOver = false;
	const over = work.catch(() => undefined).finally(() => (isOver = true));
	while (!isOver) {
		await new Promise((resolve) => setImmediate(resolve));
		places.add(next());
	}
	await over;
	return places;
}

test('a Kuma that is started while a better place is looked for listens where the one before did', async () => {
	const { standIn, sockets } = await occupied();
	await expect(sockets.find()).rejects.toMatchObject({ code: 'file-access' });

	const places = await placesWhile(sockets.find(), () => sockets.next);

	expect([...places]).toEqual([standIn.agentSocket]);
});

test('the place in the data directory is taken once it is free, and both are tried', async () => {
	const { paths, standIn, sockets } = await occupied();
	await expect(sockets.find()).rejects.toMatchObject({ code: 'file-access' });
	await rmdir(paths.agentSocket);

	const places = await placesWhile(sockets.find(), () => sockets.next);

	expect([...places]).toEqual([standIn.agentSocket, paths.agentSocket]);
	expect(sockets.all).toEqual([paths.agentSocket, standIn.agentSocket]);
});

test('where there is no place at all, a Kuma gets no agent', async () => {
	const { paths } = await occupied();
	const file = join(await temporaryDirectory('tmp'), 'file');
	await writeFile(file, '');
	vi.stubEnv('TMPDIR', file);
	const sockets = createAgentSockets(paths, await standInPaths('any'));

	await expect(sockets.find()).rejects.toMatchObject({ code: 'file-access' });

	expect(sockets.next).toBeNull();
});
