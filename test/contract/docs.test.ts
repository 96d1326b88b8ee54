import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DocsSandbox, type Place, startDocsSandbox } from '../kit/docs-sandbox.ts';
import { findAnchors, findFences, findLocalLinks } from '../kit/markdown.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** Commands stand in blocks of `sh`, so that none hides in a block that nobody runs. */
const LANGUAGES = ['sh', 'text', 'yaml', 'ini', 'json', 'mermaid'];
/**
 * What may stand behind `sh`, where no reader sees it: where the commands run, beside a leader if nothing does, or
 * `outside` for those that need what a test has not, such as a container engine, a registry or a storage provider.
 */
const PLACES: Readonly<Record<string, Place | 'outside'>> = {
	'': 'leader',
	replica: 'replica',
	stopped: 'stopped',
	outside: 'outside',
};

const documents = [
	'README.md',
	'CONTRIBUTING.md',
	...(await readdir(join(PROJECT, 'docs'), { recursive: true }))
		.filter((name) => name.endsWith('.md'))
		.map((name) => join('docs', name))
		.sort(),
];

const read = (document: string) => readFile(join(PROJECT, document), 'utf8');

let sandbox: DocsSandbox;
beforeAll(async () => {
	sandbox = await startDocsSandbox();
});
afterAll(() => sandbox?.discard());

describe.each(documents)('%s', async (document) => {
	const markdown = await read(document);
	const fences = findFences(markdown);
	const commands = fences
		.filter(({ language }) => language === 'sh')
		.map(({ line, text, words }) => ({ line, text, place: PLACES[words.join(' ')] }));
	const inside = commands.filter(({ place }) => place !== 'outside');

	test('says of every block what it is', () => {
		const wrong = fences.filter(
			({ language, words }) => !LANGUAGES.includes(language) || !Object.hasOwn(PLACES, words.join(' ')),
		);

		expect(wrong).toEqual([]);
	});

	test('links to what is there', async () => {
		const broken: string[] = [];
		for (const { path, anchor } of findLocalLinks(markdown)) {
			const target = path === '' ? document : relative(PROJECT, join(PROJECT, dirname(document), path));
			const isThere = existsSync(join(PROJECT, target));
			if (!isThere || (anchor !== '' && !findAnchors(await read(target)).has(anchor)))
				broken.push(`${path}#${anchor}`);
		}

		expect(broken).toEqual([]);
	});

	test('names scripts that there are', async () => {
		const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
		const named = commands.flatMap(
			({ text }) => text.match(/\bnpm (?:run )?(?!run|ci|install|root)[a-z:]+/g) ?? [],
		);

		const missing = named.filter((command) => !Object.hasOwn(scripts, command.replace(/^npm (run )?/, '')));

		expect(missing).toEqual([]);
	});

	test.each(inside)('has a command that works in line $line', async ({ text, place }) => {
		const { exitCode, output } = await sandbox.run(text, place as Place);

		expect(exitCode, `${text}\n${output}`).toBe(0);
	});
});

test('commands that fail are noticed, wherever they stand in their block', async () => {
	const first = await sandbox.run('replicator-kuma snapshot\nreplicator-kuma status\n', 'leader');
	const last = await sandbox.run('replicator-kuma status\nreplicator-kuma diff 0000dead\n', 'replica');

	expect(first).toMatchObject({ exitCode: 2, output: expect.stringContaining('snapshots') });
	expect(last.exitCode).toBe(1);
});
