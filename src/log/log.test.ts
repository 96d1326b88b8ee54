import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ReplicatorError } from '../model/replicator-error.ts';
import { createLog, type LogOptions } from './log.ts';
import { registerSecret } from './secrets.ts';

const HEAD = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d \[REPLICATOR\] (DEBUG|INFO|WARN|ERROR): /;

function logTo(options: Partial<LogOptions> & { isTTY?: boolean } = {}) {
	const written: string[] = [];
	const stream = { write: (text: string) => written.push(text), isTTY: options.isTTY ?? false };
	const log = createLog({ level: 'info', format: 'text', env: {}, ...options, stream });
	return { log, written, lines: () => written.map((text) => text.replace(HEAD, '').slice(0, -1)) };
}

describe('text lines', () => {
	test("a line looks like one of Kuma's own", () => {
		const { log, written } = logTo();

		log.info('Snapshot published.', { id: '1a2b', rows: 12 });

		expect(written).toHaveLength(1);
		expect(written[0]).toMatch(HEAD);
		expect(written[0]).toMatch(/ \[REPLICATOR\] INFO: Snapshot published\. id=1a2b rows=12\n$/);
	});

	test('lines below the level are not written', () => {
		const { log, written } = logTo({ level: 'warning' });

		log.debug('no');
		log.info('no');
		log.warning('yes');
		log.error('yes');

		expect(written.map((line) => HEAD.exec(line)?.[1])).toEqual(['WARN', 'ERROR']);
	});

	test('values that are not one plain word are quoted, and objects are JSON', () => {
		const { log, lines } = logTo();

		log.info('Values', {
			text: 'two words',
			empty: '',
			quote: 'a"b',
			equals: 'a=b',
			none: null,
			absent: undefined,
			big: 2n ** 64n,
			list: [1, 'a'],
			at: new Date(0),
			nested: { deep: true },
		});

		expect(lines()).toEqual([
			'Values text="two words" empty="" quote="a\\"b" equals="a=b" none=null big=18446744073709551616 ' +
				'list=[1,"a"] at=1970-01-01T00:00:00.000Z nested={"deep":true}',
		]);
	});

	test('braces in a message are only braces', () => {
		const { log, lines } = logTo();

		log.info('Row {id} of {{table}}', { id: 7 });

		expect(lines()).toEqual(['Row {id} of {{table}} id=7']);
	});

	test('whatever a message and its fields hold, it is one line without control characters', () => {
		const { log, written } = logTo();
		fc.assert(
			fc.property(anyText, fc.dictionary(anyText, fc.anything()), (message, fields) => {
				written.length = 0;

				log.info(message, fields);

				expect(written).toHaveLength(1);
				expect(written[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202e]/u);
				expect(written[0]?.endsWith('\n')).toBe(true);
			}),
		);
	});

	test('a circle, a huge text and a long list are cut', () => {
		const { log, written } = logTo();
		const circle: Record<string, unknown> = {};
		circle.self = circle;

		log.info('Large', { circle, text: 'x'.repeat(1_000_000), list: Array.from({ length: 10_000 }, () => 1) });

		expect(written[0]?.length).toBeLessThan(10_000);
	});

	test.each([
		['on a terminal', { isTTY: true }, true],
		['on a terminal whose user set NO_COLOR', { isTTY: true, env: { NO_COLOR: '1' } }, false],
		['in a file or a pipe', { isTTY: false }, false],
	])('%s, the use of colours is right', (_place, options, hasColors) => {
		const { log, written } = logTo(options);

		log.warning('Slow.', { tookMs: 1 });

		expect(written[0]?.includes('\u001b[33mWARN:\u001b[0m')).toBe(hasColors);
		expect(written[0]?.includes('\u001b')).toBe(hasColors);
	});
});

describe('errors', () => {
	const expected = new ReplicatorError('restic gave up', {
		code: 'restic-failed',
		hint: 'Run restic yourself.',
		cause: new Error('exit code 1', { cause: new Error('no space') }),
	});

	test('a ReplicatorError is written with code, message, hint and causes, and without a stack', () => {
		const { log, lines } = logTo();

		log.error('Publish failed.', { error: expected });

		expect(lines()).toEqual([
			'Publish failed. error="restic gave up" code=restic-failed hint="Run restic yourself." ' +
				'cause="exit code 1: no space"',
		]);
	});

	test('at the level debug, a ReplicatorError has its stack', () => {
		const { log, lines } = logTo({ level: 'debug' });

		log.error('Publish failed.', { error: expected });

		expect(lines()[0]).toMatch(/ stack="ReplicatorError: restic gave up\\n {4}at /);
	});

	test('a bug is written with its stack, on one line', () => {
		const { log, lines } = logTo();

		log.error('Unexpected.', { error: new TypeError('x is undefined') });

		expect(lines()[0]).toMatch(
			/^Unexpected\. error="x is undefined" name=TypeError stack="TypeError: x is undefined\\n/,
		);
	});
});

describe('JSON lines', () => {
	test('a line is one object, with the names that Kuma gives them', () => {
		const { log, written } = logTo({ format: 'json' });

		log.warning('Slow.', { tookMs: 1200, error: new ReplicatorError('late', { code: 'restic-timed-out' }) });

		expect(JSON.parse(written[0] ?? '')).toEqual({
			time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/),
			module: 'REPLICATOR',
			level: 'warning',
			msg: 'Slow.',
			fields: { tookMs: 1200, error: { code: 'restic-timed-out', message: 'late' } },
		});
	});

	test('whatever a message and its fields hold, it is one line of valid JSON', () => {
		const { log, written } = logTo({ format: 'json' });
		fc.assert(
			fc.property(anyText, fc.dictionary(anyText, fc.anything()), (message, fields) => {
				written.length = 0;

				log.info(message, fields);

				expect(written).toHaveLength(1);
				expect(JSON.parse(written[0] ?? '').msg).toBe(
					message.toWellFormed() === message ? message : expect.anything(),
				);
				expect(written[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029\u202e]/u);
			}),
		);
	});
});

describe('secrets', () => {
	const secrets = ['s3cret "quoted"\n\\value', 'pa/ss word&more', '8713264509'];

	test.each(['text', 'json'] as const)(
		'no registered secret is in any %s line, in whatever form',
		(format) => {
			for (const secret of secrets) {
				registerSecret(secret);
			}
			const { log, written } = logTo({ format, level: 'debug' });
			const places = fc.constantFrom<(secret: string) => Record<string, unknown>>(
				(secret) => ({ text: `before ${secret} after` }),
				(secret) => ({ nested: { list: [`x${secret}`] } }),
				(secret) => ({ [`name ${secret}`]: 1 }),
				(secret) => ({ error: new Error(`at ${secret}`) }),
				(secret) => ({ error: new ReplicatorError('m', { code: 'refused', cause: new Error(secret) }) }),
				(secret) => ({ url: `https://user:${encodeURIComponent(secret)}@host/` }),
				(secret) => ({ json: JSON.stringify({ secret }) }),
				(secret) => ({ number: Number(secret) }),
				(secret) => ({ cut: 'x'.repeat(7_995) + secret }),
			);
			fc.assert(
				fc.property(fc.constantFrom(...secrets), places, (secret, place) => {
					written.length = 0;

					log.info(`Message ${secret}`, place(secret));

					const line = written[0] ?? '';
					expect(line).toContain('***');
					for (const part of ['s3cret', 'quoted', 'value', 'pa/s', 'pa%2F', 'word', 'more', '871', '4509']) {
						expect(line).not.toContain(part);
					}
				}),
			);
		},
	);
});

const anyText = fc.oneof(
	fc.string({ unit: 'binary' }),
	fc
		.array(
			fc.constantFrom('\n', '\r', '\u001b[31m', '\u009b', '\u2028', '\u202e', '\0', '{', '}', '"', '\\', 'a'),
		)
		.map(join),
);

function join(parts: string[]): string {
	return parts.join('');
}
