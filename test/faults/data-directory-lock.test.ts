import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { prepareStateDirectory } from '../../src/instance/state-folder/data-directory.ts';
import { lockDataDirectory } from '../../src/instance/state-folder/data-directory-lock.ts';
import { firstLine } from '../kit/first-line.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const HOLDER = join(import.meta.dirname, '..', 'programs', 'kuma-lock-holder.mjs');

/** Starts another process that holds the lock. */
async function startHolder(dataDirectory: string): Promise<{ pid: number; kill: () => Promise<void> }> {
	const child = spawn(process.execPath, [HOLDER, dataDirectory], { stdio: ['ignore', 'pipe', 'inherit'] });
	const kill = async () => {
		if (child.exitCode !== null || child.signalCode !== null) return;
		child.kill('SIGKILL');
		await once(child, 'exit');
	};
	onTestFinished(kill);
	expect(await firstLine(child)).toBe('locked');
	return { pid: child.pid ?? 0, kill };
}

test('a data directory that another process holds is refused, and the process is named', async () => {
	const dataDirectory = await temporaryDirectory('lock');
	const paths = await prepareStateDirectory(dataDirectory);
	const holder = await startHolder(dataDirectory);

	const lock = lockDataDirectory(paths);

	await expect(lock).rejects.toMatchObject({ code: 'data-directory-in-use' });
	await expect(lock).rejects.toThrow(`process ${holder.pid}`);
});

test('a lock goes with its process, even when that is killed', async () => {
	const dataDirectory = await temporaryDirectory('lock');
	const paths = await prepareStateDirectory(dataDirectory);
	const holder = await startHolder(dataDirectory);

	await holder.kill();
	const lock = await lockDataDirectory(paths);

	await lock.release();
});

test('a refused attempt does not take the lock away from its holder', async () => {
	const dataDirectory = await temporaryDirectory('lock');
	const paths = await prepareStateDirectory(dataDirectory);
	const lock = await lockDataDirectory(paths);

	await expect(lockDataDirectory(paths)).rejects.toMatchObject({ code: 'data-directory-in-use' });
	const intruder = spawn(process.execPath, [HOLDER, dataDirectory], { stdio: 'ignore' });
	const [exitCode] = await once(intruder, 'exit');

	expect(exitCode).not.toBe(0);
	await lock.release();
});

test('a released lock can be taken again, by this process and by another', async () => {
	const dataDirectory = await temporaryDirectory('lock');
	const paths = await prepareStateDirectory(dataDirectory);
	const first = await lockDataDirectory(paths);

	await first.release();
	await first.release();
	const second = await lockDataDirectory(paths);
	await second.release();

	await expect(startHolder(dataDirectory)).resolves.toMatchObject({ pid: expect.any(Number) });
});

test('a folder that is missing is an error that names the lock', async () => {
	const root = join(await temporaryDirectory('lock'), 'missing');
	const paths = { lockFile: join(root, 'lock.db'), lockHolderFile: join(root, 'lock.pid') };

	await expect(lockDataDirectory(paths)).rejects.toMatchObject({ code: 'file-access' });
});

test('a lock is not refused because somebody only looks whether it is held', async () => {
	const paths = await prepareStateDirectory(await temporaryDirectory('lock'));
	await (await lockDataDirectory(paths)).release();
	const looking = new DatabaseSync(paths.lockFile, { readOnly: true });
	looking.exec('BEGIN; SELECT count(*) FROM sqlite_schema');

	const lock = lockDataDirectory(paths);
	setTimeout(() => looking.close(), 100);

	await (await lock).release();
});
