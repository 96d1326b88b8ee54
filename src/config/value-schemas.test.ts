import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { formatGuardThresholds, formatRetention, guardThresholds, retentionRules } from './value-schemas.ts';

const defaults = { last: 100, days: 30, months: 12 };
const retention = retentionRules(defaults);
const guard = guardThresholds();

describe('retention rules', () => {
	const rules = fc.record({
		last: fc.integer({ min: 1, max: 100_000 }),
		days: fc.integer({ min: 0, max: 100_000 }),
		months: fc.integer({ min: 0, max: 100_000 }),
	});

	test('what is formatted is read back as it was', () => {
		fc.assert(
			fc.property(rules, (wanted) => {
				expect(retention.parse(formatRetention(wanted))).toEqual(wanted);
			}),
		);
	});

	test('any of the rules in any order are read, and the others keep their defaults', () => {
		const subset = fc.tuple(
			rules,
			fc.shuffledSubarray(['last', 'days', 'months'] as const, { minLength: 1 }),
		);
		fc.assert(
			fc.property(subset, fc.constantFrom(',', ', '), ([wanted, names], separator) => {
				const text = names.map((name) => `${name}=${wanted[name]}`).join(separator);

				const named = Object.fromEntries(names.map((name) => [name, wanted[name]]));
				expect(retention.parse(text)).toEqual({ ...defaults, ...named });
			}),
		);
	});

	test.each([
		'last=0',
		'last=1,last=2',
		'last=',
		'last',
		'days=1.5',
		'days=-1',
		'years=1',
		'last=1;days=2',
		',',
		'7',
	])('%j is refused with an example of how to write it', (text) => {
		const message = retention.safeParse(text).error?.issues[0]?.message;

		expect(message).toContain('last=100,days=30,months=12');
	});

	test('no text makes the schema throw or lets the last rule fall below 1', () => {
		fc.assert(
			fc.property(fc.string(), (text) => {
				expect(retention.safeParse(text).data?.last ?? 1).toBeGreaterThanOrEqual(1);
			}),
		);
	});
});

describe('guard thresholds', () => {
	test('what is formatted is read back as it was', () => {
		const thresholds = fc.record({
			share: fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
			count: fc.integer({ min: 1, max: 1_000_000 }),
		});
		fc.assert(
			fc.property(fc.oneof(thresholds, fc.constant('off' as const)), (wanted) => {
				expect(guard.parse(formatGuardThresholds(wanted))).toEqual(wanted);
			}),
		);
	});

	test.each(['50,10', '50%', '10', '101%,1', '50%,0', '0.5,10', 'OFF', '50%,10,1', '-1%,1', 'none'])(
		'%j is refused with an example of how to write it',
		(text) => {
			expect(guard.safeParse(text).error?.issues[0]?.message).toContain('50%,10');
		},
	);
});
