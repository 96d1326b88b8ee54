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

test.each([
	['EIO', true, 'dmesg'],
	['EMFILE', true, 'ulimit -n'],
	['ENFILE', true, 'fs.file-max'],
	['EISDIR', false, 'a folder where a file should be'],
	['ENOTDIR', false, 'a file where a folder should be'],
	['ESTALE', true, 'mounted for writing'],
	['EOPNOTSUPP', false, 'mounted for writing'],
])('%s names the path and says what to do', (errno, isRetryable, hint) => {
	expect(fileError({ path: '/data/state.json', verb: 'read', cause: errnoError(errno) })).toMatchObject({
		code: 'file-access',
		isRetryable,
		message: `Could not read /data/state.json (${errno})`,
		hint: expect.stringContaining(hint),
	});
});

test.each([errnoError('ERR_INVALID_ARG_TYPE'), new TypeError('x is not a function'), 'text', null])(
	'what the file system did not say stays what it is: %s',
	(cause) => {
		expect(fileError({ path: '/data/state.json', verb: 'write', cause })).toBe(cause);
	},
);
