import { expect, test } from 'vitest';
import { fileError } from './file-error.ts';

function errnoError(code: string): Error {
	return Object.assign(new Error(code), { code });
}

test.each([
	['ENOSPC', 'disk-full', true],
	['EDQUOT', 'disk-full', true],
	['EACCES', 'file-access', false],
	['EROFS', 'file-access', false],
	['EPERM', 'file-access', false],
])('%s becomes %s and names the path', (errno, code, isRetryable) => {
	const error = fileError({ path: '/data/state.json', verb: 'write', cause: errnoError(errno) });

	expect(error).toMatchObject({ code, isRetryable, message: expect.stringContaining('/data/state.json') });
});

test('an error that nobody can do anything about stays what it is', () => {
	const cause = errnoError('EIO');

	expect(fileError({ path: '/data/state.json', verb: 'write', cause })).toBe(cause);
});
