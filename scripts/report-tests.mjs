import { readFile } from 'node:fs/promises';
import { dirname, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Sums up the JSON reports of vitest runs: how long each project took, the slowest files and tests, and a closing line,
 * `N passed, N failed`. It fails unless every test ran and passed: a test that was skipped, a file that could not be
 * loaded, or a run without tests proves nothing.
 */

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const SLOWEST = 10;
/** What vitest.config.ts calls the tests of a folder. */
const PROJECTS = {
	src: 'quick',
	'test/quick': 'quick',
	'test/contract': 'contract',
	'test/faults': 'contract',
};

const reports = await Promise.all(process.argv.slice(2).map(readReport));
const isComplete = reports.length > 0 && reports.every((report) => (report?.testResults ?? []).length > 0);
const isSuccess = reports.every((report) => report?.success === true);
const files = reports
	.flatMap((report) => report?.testResults ?? [])
	.map((file) => ({ ...file, name: relative(PROJECT, file.name), ms: file.endTime - file.startTime }));
const tests = files.flatMap(({ name, assertionResults }) =>
	assertionResults.map((result) => ({ ...result, file: name, ms: result.duration ?? 0 })),
);
const count = (wanted) => tests.filter(({ status }) => status === wanted).length;

// A file that breaks outside of its tests (an import, a hook) fails as a whole and may list no failed test.
const brokenFiles = files.filter(
	({ status, assertionResults }) =>
		status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
);
const passed = count('passed');
const failed = count('failed') + brokenFiles.length;
const notRun = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');

printProjects();
printSlowest('Slowest files', files, ({ name }) => name);
printSlowest('Slowest tests', tests, ({ file, fullName }) => `${file}: ${fullName}`);
for (const { name } of brokenFiles) print(`failed outside of its tests: ${name}`);
for (const { fullName, status } of notRun) print(`${status}: ${fullName}`);
if (!isComplete) print('a report of tests is missing or empty: they did not run to their end');
else if (!isSuccess && failed === 0) print('vitest reports an error outside of the tests');
if (!isComplete || !isSuccess || failed > 0 || passed === 0 || notRun.length > 0) process.exitCode = 1;
print(`${passed} passed, ${failed} failed`);

/** From the start of a project's first test to the end of its last one. Images share the machine with real Kumas. */
function printProjects() {
	for (const project of new Set(files.map(({ name }) => projectOf(name)))) {
		const ofProject = files.filter(({ name }) => projectOf(name) === project);
		const startedAt = Math.min(...ofProject.map(({ startTime }) => startTime));
		const endedAt = Math.max(...ofProject.map(({ endTime }) => endTime));
		const testCount = ofProject.flatMap(({ assertionResults }) => assertionResults).length;
		print(`${project}: tests ${testCount}, files ${ofProject.length}, ${seconds(endedAt - startedAt)}`);
	}
}

function printSlowest(title, entries, describe) {
	print(`\n${title}:`);
	const slowest = entries.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST);
	for (const entry of slowest) print(`${seconds(entry.ms).padStart(9)}  ${describe(entry)}`);
}

function projectOf(name) {
	const [top, folder] = name.split(sep);
	return PROJECTS[top] ?? PROJECTS[`${top}/${folder}`] ?? folder;
}

function seconds(ms) {
	return `${(ms / 1000).toFixed(1)} s`;
}

function print(line) {
	process.stdout.write(`${line}\n`);
}

async function readReport(reportPath) {
	try {
		return JSON.parse(await readFile(reportPath, 'utf8'));
	} catch (error) {
		if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined;
		throw error;
	}
}
