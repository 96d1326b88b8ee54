import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/kit/temporary-directory.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { asFailure, asThrown } from './as-failure.ts';

test('a failure that is ours stays as it is', () => {
	const error = new ReplicatorError('The repository is away', { code: 'repository-unreachable' });

	expect(asFailure(error)).toBe(error);
});

test('what the file system says of a path names the path and the way out', async () => {
	const file = join(await temporaryDirectory(), 'applied');
	await writeFile(file, '');
	const thrown = await mkdir(join(file, 'digest')).catch((error: unknown) => error);

	expect(asFailure(thrown)).toMatchObject({
		code: 'file-access',
		message: expect.stringContaining(file),
		hint: expect.any(String),
		cause: thrown,
	});
});

test('a full disk is told as such', () => {
	const thrown = Object.assign(new Error('ENOSPC: no space left'), {
		code: 'ENOSPC',
		syscall: 'write',
		path: '/data/x',
	});

	expect(asFailure(thrown)).toMatchObject({ code: 'disk-full', isRetryable: true });
});

test.each(['ENOSPC', 'EIO', 'EROFS', 'EMFILE'])(
	'%s of a call on a file that is open already does not count as a bug',
	(code) => {
		const thrown = Object.assign(new Error(`${code}: write`), { code, syscall: 'write' });

		expect(asFailure(thrown).code).toBe(code === 'ENOSPC' ? 'disk-full' : 'file-access');
	},
);

test.each([new TypeError('the password is hunter2'), 'hunter2', 42])(
	'anything else is a bug, without its own words',
	(thrown) => {
		const failure = asFailure(thrown);

		expect(failure).toMatchObject({ code: 'bug', cause: thrown });
		expect(`${failure.message} ${failure.hint}`).not.toContain('hunter2');
	},
);

test('a bug is thrown on as it was, for its stack says where it is, and anything else as a failure of ours', () => {
	const bug = new TypeError('x is undefined');
	const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });

	expect(asThrown(asFailure(bug))).toBe(bug);
	expect(asThrown(asFailure(full))).toMatchObject({ code: 'disk-full' });
});
