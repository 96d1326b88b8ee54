import { readFile } from 'node:fs/promises';

/**
 * Sums up the JSON reports of vitest runs in one closing line, `N passed, N failed`, and fails unless every test ran
 * and passed: a test that was skipped, a file that could not be loaded, or a run without tests proves nothing.
 */

const reports = await Promise.all(process.argv.slice(2).map(readReport));
const isComplete = reports.length > 0 && reports.every((report) => (report?.testResults ?? []).length > 0);
const isSuccess = reports.every((report) => report?.success === true);
const files = reports.flatMap((report) => report?.testResults ?? []);
const tests = files.flatMap(({ assertionResults }) => assertionResults);
const count = (wanted) => tests.filter(({ status }) => status === wanted).length;

// A file that breaks outside of its tests (an import, a hook) fails as a whole and may list no failed test.
const brokenFiles = files.filter(
	({ status, assertionResults }) =>
		status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
);
const passed = count('passed');
const failed = count('failed') + brokenFiles.length;
const notRun = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');

for (const { name } of brokenFiles) process.stdout.write(`failed outside of its tests: ${name}\n`);
for (const { fullName, status } of notRun) process.stdout.write(`${status}: ${fullName}\n`);
if (!isComplete)
	process.stdout.write('a report of tests is missing or empty: they did not run to their end\n');
else if (!isSuccess && failed === 0) process.stdout.write('vitest reports an error outside of the tests\n');
if (!isComplete || !isSuccess || failed > 0 || passed === 0 || notRun.length > 0) process.exitCode = 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);

async function readReport(reportPath) {
	try {
		return JSON.parse(await readFile(reportPath, 'utf8'));
	} catch (error) {
		if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined;
		throw error;
	}
}
