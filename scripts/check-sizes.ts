import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Keeps folders and files small enough to be read: at most twelve files in a folder and 400 lines in a file, and half
 * of all files under 100 lines. Tests stand beside what they test and are not counted.
 */

const FILES_MAX = 12;
const LINES_MAX = 400;
const LINES_MEDIAN_MAX = 100;
/** docs/architecture.md says why. */
const LARGE_FOLDERS = ['src/catalog', 'src/model'];

const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)));
const entries = await readdir(join(root, 'src'), { recursive: true, withFileTypes: true });
const files = await Promise.all(
	entries
		.filter((entry) => entry.isFile() && /(?<!\.test)\.ts$/.test(entry.name))
		.map(async ({ parentPath, name }) => {
			const path = join(parentPath, name);
			const lines = (await readFile(path, 'utf8')).split('\n').length - 1;
			return { folder: relative(root, parentPath), path: relative(root, path), lines };
		}),
);
const folders = Map.groupBy(files, ({ folder }) => folder);
const median = files.map(({ lines }) => lines).sort((a, b) => a - b)[Math.floor(files.length / 2)] ?? 0;
const problems = [
	...[...folders]
		.filter(([folder, { length }]) => length > FILES_MAX && !LARGE_FOLDERS.includes(folder))
		.map(([folder, { length }]) => `${folder} has ${length} files; ${FILES_MAX} is the most`),
	...files
		.filter(({ lines }) => lines > LINES_MAX)
		.map(({ path, lines }) => `${path} has ${lines} lines; ${LINES_MAX} is the most`),
	...(median > LINES_MEDIAN_MAX ? [`half of the files have more than ${LINES_MEDIAN_MAX} lines`] : []),
	...(files.length === 0 ? ['no file found under src/'] : []),
];
for (const problem of problems) console.error(problem);
console.log(
	`${files.length} files in ${folders.size} folders, median ${median} lines, ${problems.length} problems`,
);
if (problems.length > 0) process.exitCode = 1;
