import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { chooseReleases } from './automation/choose-releases.ts';

/**
 * Prints which releases of Uptime Kuma are to be tested and to have images, as JSON for the matrix of a workflow:
 * the newest of the latest three minor versions, without those that `--published` names.
 */

const { values } = parseArgs({
	options: {
		/** What `git ls-remote --tags --refs` of Uptime Kuma prints. */
		upstream: { type: 'string' },
		/** Tags of our images, one a line. */
		published: { type: 'string' },
	},
});
if (values.upstream === undefined)
	throw new Error('Usage: kuma-releases.ts --upstream FILE [--published FILE]');

const refs = await readLines(values.upstream);
const upstream = refs.map((line) => line.replace(/^.*refs\/tags\//, ''));
const published = values.published === undefined ? [] : await readLines(values.published);
// Without any, every image would be thought missing, or none new.
if (upstream.length === 0) throw new Error(`${values.upstream} names no tag`);
console.log(JSON.stringify(chooseReleases({ upstream, published })));

async function readLines(path: string): Promise<string[]> {
	return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
}
