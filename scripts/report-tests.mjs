import { readFile } from 'node:fs/promises';

/**
 * Sums up the JSON report of a vitest run in one closing line, `N passed, N failed`, and fails unless every test ran
 * and passed: a test that was skipped, a file that could not be loaded, or a run without tests proves nothing.
 */

const [path] = process.argv.slice(2);
const report = await readReport(path);
const files = report?.testResults ?? [];
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
if (report === undefined) process.stdout.write('no report of the tests: they did not run to their end\n');
if (report?.success === false && failed === 0)
	process.stdout.write('vitest reports an error outside of the tests\n');
if (report === undefined || report.success === false || failed > 0 || passed === 0 || notRun.length > 0) {
	process.exitCode = 1;
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);

async function readReport(reportPath) {
	try {
		return JSON.parse(await readFile(reportPath, 'utf8'));
	} catch (error) {
		if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined;
		throw error;
	}
}
