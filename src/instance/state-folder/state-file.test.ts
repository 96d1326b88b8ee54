import { randomUUID } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/kit/temporary-directory.ts';
import type { InstanceState } from '../../model/state.ts';
import { loadState, saveState } from './state-file.ts';

const DIGEST = 'ab'.repeat(32);
const FULL: InstanceState = {
	instanceId: 'instance-1',
	position: { id: 'cd'.repeat(32), generation: 7, digest: DIGEST },
	intent: { parentId: null, generation: 8, digest: DIGEST },
	announced: { parentId: null, generation: 8, digest: DIGEST, createdAt: '2026-11-24T10:11:12.345Z' },
	role: 'leader',
	kumaVersion: '2.5.3',
	heldRows: [{ table: 'monitor', key: '12', title: 'ünïcode ✓', how: 'paused', reason: 'unknown type' }],
	remarks: [],
	lastPrunedAt: '2026-11-24T10:11:12.345Z',
};

async function statePath(): Promise<string> {
	return join(await temporaryDirectory('state'), 'state.json');
}

function noNewIdentity(): string {
	throw new Error('A new identity was asked for');
}

test('what was saved is what is loaded', async () => {
	const path = await statePath();

	await saveState(path, FULL);

	expect(await loadState(path, noNewIdentity)).toEqual(FULL);
	expect((await stat(path)).mode & 0o777).toBe(0o600);
	expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ formatVersion: 1 });
});

test('a state of version 0.1.0 is read, that of a replica that is ahead of the repository, too', async () => {
	const path = await statePath();
	const { announced: _, ...before } = FULL;
	const ahead = { id: null, generation: 8, digest: DIGEST, ancestorIds: ['cd'.repeat(32)] };
	await writeFile(path, JSON.stringify({ formatVersion: 1, ...before, position: ahead }));

	expect(await loadState(path, noNewIdentity)).toEqual({
		...FULL,
		announced: null,
		position: { ...ahead, leaderId: null, since: null },
	});
});

test('without a file a new identity is made and kept at once', async () => {
	const path = await statePath();

	const first = await loadState(path, randomUUID);
	const second = await loadState(path, noNewIdentity);

	expect(second).toEqual(first);
	expect(first).toMatchObject({ position: null, intent: null, role: null, heldRows: [] });
});

test.each([
	['empty', ''],
	['cut off', '{"formatVersion":1,"instanceId":"a'],
	['not an object', '[]'],
	['without an identity', JSON.stringify({ formatVersion: 1, ...FULL, instanceId: undefined })],
	['with a field of another type', JSON.stringify({ formatVersion: 1, ...FULL, position: 'somewhere' })],
	['without a version', JSON.stringify(FULL)],
])('a file that is %s is damaged, which never makes a new identity', async (_, text) => {
	const path = await statePath();
	await writeFile(path, text);

	await expect(loadState(path, noNewIdentity)).rejects.toMatchObject({
		code: 'state-corrupt',
		message: expect.stringContaining(path),
		hint: expect.stringContaining('backup'),
	});
	expect(await readFile(path, 'utf8')).toBe(text);
});

test('a file of a newer version is told apart from a damaged one', async () => {
	const path = await statePath();
	await writeFile(path, JSON.stringify({ formatVersion: 2, instanceId: 'a', somethingNew: true }));

	await expect(loadState(path, noNewIdentity)).rejects.toMatchObject({
		code: 'state-corrupt',
		message: expect.stringContaining('format 2'),
		hint: expect.stringContaining('newer'),
	});
});

test('a state that could not be loaded again does not replace one that can', async () => {
	const path = await statePath();
	await saveState(path, FULL);

	await expect(saveState(path, { ...FULL, instanceId: '' })).rejects.toThrow();

	expect(await loadState(path, noNewIdentity)).toEqual(FULL);
});
