import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { unpackSqlite } from '../kit/fixtures.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/schema-difference.ts');
const TIMEOUT_MS = 50_000;

async function compare(before: string, after: string): Promise<string> {
	const paths = await Promise.all(
		[before, after].map(async (name) => unpackSqlite(name, await temporaryDirectory('kuma'))),
	);
	const { stdout } = await execa(process.execPath, ['--no-warnings', SCRIPT, ...paths], {
		stdin: 'ignore',
		timeout: TIMEOUT_MS,
	});
	return stdout;
}

test('what a newer Kuma has added to its database is listed, what is replicated first', async () => {
	const difference = await compare('plain-2.0.2.sqlite.db.gz', 'plain-2.3.2.sqlite.db.gz');

	const rows = difference.split('\n').map((line) => line.split(' | '));
	expect(rows[0]).toEqual(['| table', 'replicated', 'column', 'difference |']);
	const replicated = rows.slice(2).map(([, isReplicated]) => isReplicated);
	expect(replicated).toEqual(replicated.toSorted((a = '', b = '') => b.localeCompare(a)));
	expect(rows).toContainEqual([
		'| monitor',
		'yes',
		'retry_only_on_status_code_failure',
		expect.stringMatching(/^new: /),
	]);
});

test('two databases of one release differ in nothing', async () => {
	const same = await compare('plain-2.3.2.sqlite.db.gz', 'plain-2.3.2.sqlite.db.gz');

	expect(same).toBe('The databases have the same tables and columns.');
});
