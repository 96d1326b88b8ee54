import { expect, test } from 'vitest';
import { describeError } from './describe-error.ts';

test.each([
	[
		new RangeError('Invalid time zone specified: Etc/Unknown'),
		'RangeError: Invalid time zone specified: Etc/Unknown',
	],
	[new Error('no such day'), 'no such day'],
	['a text', 'a text'],
	[undefined, 'undefined'],
	[
		new Error(
			"insert into `heartbeat` (`msg`) values ('a - secret') - SQLITE_FULL: database or disk is full",
		),
		'SQLITE_FULL: database or disk is full',
	],
	[new Error('\n  SELECT\n secret FROM user'), 'a statement failed'],
	[
		new Error('connect to https://admin:secret@proxy.test/path failed'),
		'connect to https://***@proxy.test/path failed',
	],
	[new Error('first line\nsecond line'), 'first line'],
])('%s is told as %j', (error, told) => {
	expect(describeError(error)).toBe(told);
});

test.each(['x', 'insert ', '://', ' - ', 'a:b@'])(
	'a message of 1 MB of %j is one short line, at once',
	(part) => {
		const startedAt = performance.now();

		const told = describeError(new Error(part.repeat(1_048_576 / part.length)));

		expect(performance.now() - startedAt).toBeLessThan(200);
		expect(told.length).toBeLessThanOrEqual(200);
	},
);

test.each([
	['is no text', Object.assign(new Error(), { message: { code: 7 } }), 'object'],
	['is missing', Object.assign(new Error(), { message: undefined, name: undefined }), 'undefined'],
	[
		'throws when it is read',
		Object.defineProperty(new Error(), 'message', {
			get: () => {
				throw new Error('no');
			},
		}),
		'an error that cannot be read',
	],
])('an error whose message %s is told all the same', (_what, error, told) => {
	expect(describeError(error)).toBe(told);
});
