import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findSlowPatterns } from '../test/kit/slow-patterns.ts';

test('every pattern of the product takes no longer than the text that it is tried on is long', {
	timeout: 60_000,
}, () => {
	const directory = import.meta.dirname;
	const files = globSync('**/*.ts', { cwd: directory }).filter((path) => !path.endsWith('.test.ts'));
	let count = 0;

	const slow = files.flatMap((path) => {
		const found = findSlowPatterns(readFileSync(join(directory, path), 'utf8'));
		count += found.count;
		return found.slow.map(({ pattern, reason }) => `${path}: ${pattern}: ${reason}`);
	});

	expect(slow).toEqual([]);
	expect(count).toBeGreaterThan(50);
});

test.each([
	['/(a+)+$/'],
	[String.raw`/\d+\.?\d*$/`],
	[String.raw`/\/+$/`],
	['/returned error, retrying after .*(?:denied|full)/'],
	['/^begin .*(?:denied|full)/m'],
	[String.raw`/(?:Load\(<)[^\n]*gone/`],
	[String.raw`/\s*=\s*$/`],
])('%s is found to be slow', (pattern) => {
	expect(findSlowPatterns(`const it = ${pattern};`).slow).not.toEqual([]);
});

test.each([
	[String.raw`/^\d+(?:\.\d*)?$/`],
	[String.raw`/(?<!\/)\/+$/`],
	['/^begin .*(?:denied|full)/'],
	['/connection (?:refused|reset)|no such host/i'],
])('%s is not', (pattern) => {
	expect(findSlowPatterns(`const it = ${pattern};`)).toEqual({ slow: [], count: 1 });
});
