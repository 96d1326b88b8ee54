import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findReleaseNotes } from './automation/find-release-notes.ts';

/** Prints what CHANGELOG.md says of a version; fails when a release would have no notes. */

const [version] = process.argv.slice(2);
if (version === undefined) throw new Error('Usage: release-notes.ts VERSION');
console.log(
	findReleaseNotes(await readFile(join(import.meta.dirname, '..', 'CHANGELOG.md'), 'utf8'), version),
);
