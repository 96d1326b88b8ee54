import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const PROJECT = join(import.meta.dirname, '../..');
const SCRIPT = join(PROJECT, 'scripts/report-tests.mjs');

/** Tests as a vitest run reports them: their states, by file. */
type Run = Readonly<Record<string, readonly ('passed' | 'failed' | 'pending')[]>>;

async function report(...runs: readonly (Run | string)[]) {
	const directory = await temporaryDirectory('reports');
	const paths = runs.map((_run, index) => join(directory, `${index}.json`));
	for (const [index, run] of runs.entries())
		await writeFile(paths[index] ?? '', typeof run === 'string' ? run : JSON.stringify(toReport(run)));
	const { exitCode, stdout } = await execa(process.execPath, [SCRIPT, ...paths], { reject: false });
	return { exitCode, lines: stdout.split('\n'), last: stdout.split('\n').at(-1) };
}

function toReport(run: Run) {
	const testResults = Object.entries(run).map(([name, states], index) => ({
		name: join(PROJECT, name),
		status: states.includes('failed') || states.length === 0 ? 'failed' : 'passed',
		startTime: index * 1_000,
		endTime: index * 1_000 + 500 * (index + 1),
		assertionResults: states.map((status, each) => ({
			fullName: `test ${each}`,
			status,
			duration: 100 * (index + each),
		})),
	}));
	return { success: testResults.every(({ status }) => status === 'passed'), testResults };
}

test('the closing line counts the tests of every run, below the durations by project and the slowest ten', async () => {
	const contract = Object.fromEntries(
		Array.from({ length: 12 }, (_, index) => [`test/contract/${index}.test.ts`, ['passed'] as const]),
	);

	const { exitCode, lines, last } = await report(
		{ 'src/a.test.ts': ['passed'], 'test/quick/b.test.ts': ['passed', 'passed'], ...contract },
		{ 'test/image/c.test.ts': ['passed'] },
	);

	expect(lines.slice(0, 3)).toEqual([
		'quick: tests 3, files 2, 2.0 s',
		'contract: tests 12, files 12, 18.0 s',
		'image: tests 1, files 1, 0.5 s',
	]);
	const files = lines.slice(lines.indexOf('Slowest files:') + 1, lines.indexOf('Slowest tests:') - 1);
	expect(files).toHaveLength(10);
	expect(files[0]).toBe('    7.0 s  test/contract/11.test.ts');
	expect(lines).toContain('    1.3 s  test/contract/11.test.ts: test 0');
	expect([last, exitCode]).toEqual(['16 passed, 0 failed', 0]);
});

test.each<[string, readonly (Run | string)[], string, RegExp]>([
	['a test failed', [{ 'src/a.test.ts': ['passed', 'failed'] }], '1 passed, 1 failed', /./],
	[
		'a file could not be loaded',
		[{ 'src/a.test.ts': ['passed'], 'src/b.test.ts': [] }],
		'1 passed, 1 failed',
		/failed outside of its tests: src\/b\.test\.ts/,
	],
	[
		'a test was skipped',
		[{ 'src/a.test.ts': ['passed', 'pending'] }],
		'1 passed, 0 failed',
		/pending: test 1/,
	],
	['a run had no tests', [{ 'src/a.test.ts': ['passed'] }, {}], '1 passed, 0 failed', /missing or empty/],
	[
		'a run was cut off',
		[{ 'src/a.test.ts': ['passed'] }, '{"testRes'],
		'1 passed, 0 failed',
		/missing or empty/,
	],
])('it is a failure when %s', async (_what, runs, closing, reason) => {
	const { exitCode, lines, last } = await report(...runs);

	expect([last, exitCode]).toEqual([closing, 1]);
	expect(lines.join('\n')).toMatch(reason);
});
