import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { chooseReleases } from '../../scripts/automation/choose-releases.ts';
import { findReleaseNotes } from '../../scripts/automation/find-release-notes.ts';
import { checkWorkflow } from '../kit/check-workflow.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const PROJECT = join(import.meta.dirname, '../..');
const SCRIPT = join(PROJECT, 'scripts/kuma-releases.ts');
const WORKFLOWS = '.github/workflows';
/** An action is what its commit is; a tag may be moved. */
const PINNED = /^ *(?:- )?uses: (?<action>[\w.-]+\/[\w./-]+)@(?<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+$/;
const OURS = /^ *uses: \.\/\.github\/workflows\/(?<file>[\w-]+\.yml)$/;

interface Job {
	readonly uses?: string;
	readonly steps?: readonly { readonly run?: string }[];
	readonly 'timeout-minutes'?: number;
}

const files = (await readdir(join(PROJECT, WORKFLOWS))).sort();
const read = (path: string) => readFile(join(PROJECT, path), 'utf8');

describe.each(files)('the workflow %s', async (file) => {
	const text = await read(join(WORKFLOWS, file));

	test('is one that GitHub understands', async () => {
		expect(await checkWorkflow(file, text)).toEqual([]);
	});

	test('pins what it uses to a commit, and says which version that is', () => {
		const used = text.split('\n').filter((line) => /^\s*(- )?uses:/.test(line));

		expect(used.length).toBeGreaterThan(0);
		for (const line of used) {
			const own = OURS.exec(line)?.groups?.file;
			if (own === undefined) expect(line).toMatch(PINNED);
			else expect(files).toContain(own);
		}
	});

	test('names scripts and files that there are', async () => {
		const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
		const named = [...text.matchAll(/\bnpm run (?<name>[\w:]+)/g)].map(({ groups }) => groups?.name ?? '');
		const paths = text.match(/\bscripts\/[\w/-]+\.(?:ts|mjs)\b/g) ?? [];

		expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
		expect(paths.filter((path) => !existsSync(join(PROJECT, path)))).toEqual([]);
	});

	test('has lines of shell that a shell understands', async () => {
		const { jobs } = parse(text) as { jobs: Record<string, Job> };
		const lines = Object.values(jobs).flatMap(({ steps = [] }) => steps.flatMap(({ run }) => run ?? []));

		for (const input of lines) {
			const { exitCode, stderr } = await execa('bash', ['-n'], { input, reject: false });
			expect([exitCode, stderr], input).toEqual([0, '']);
		}
	});

	test('may do no more than it needs, for no longer than it needs', () => {
		const { permissions, jobs } = parse(text) as { permissions: object; jobs: Record<string, Job> };

		expect(permissions).toEqual({ contents: 'read' });
		for (const job of Object.values(jobs)) {
			if (job.uses === undefined) expect(job['timeout-minutes']).toBeGreaterThan(0);
		}
	});
});

test('a mistake in a workflow is found, in an expression too', async () => {
	const check = (step: string) =>
		checkWorkflow(
			'workflow.yml',
			`on: push\njobs:\n  try:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: ${step}\n`,
		);

	expect(await check('ls')).toEqual([]);
	expect(await check('ls\n        shel: sh')).toEqual([expect.stringContaining("Unexpected value 'shel'")]);
	expect(
		await checkWorkflow(
			'workflow.yml',
			'on: push\njobs:\n  try:\n    uses: ./.github/workflows/try-kuma.yml\n    with:\n      kuma: 2.5.3\n',
		),
	).toEqual([
		expect.stringContaining('Input release is required'),
		expect.stringContaining('kuma is not defined'),
	]);
	expect(await check(['echo $', '{{ matrx.kuma }}'].join(''))).toEqual([
		expect.stringContaining("Unrecognized named-value: 'matrx'"),
	]);
});

test('Dependabot looks after packages, actions and images', async () => {
	const { updates } = parse(await read('.github/dependabot.yml')) as {
		updates: { 'package-ecosystem': string }[];
	};

	expect(updates.map((update) => update['package-ecosystem'])).toEqual([
		'npm',
		'github-actions',
		'docker',
		'docker-compose',
	]);
});

test('the version that would be released has notes in the changelog', async () => {
	const { version } = JSON.parse(await read('package.json')) as { version: string };
	const changelog = await read('CHANGELOG.md');

	expect(findReleaseNotes(changelog, version)).toMatch(/^\S[^#]+/);
	expect(() => findReleaseNotes(changelog, '0.0.99')).toThrow('write a section "## 0.0.99"');
	expect(() => findReleaseNotes('## 1.0.0\n\n## 0.9.0\n\nOlder.\n', '1.0.0')).toThrow(
		'says nothing of 1.0.0',
	);
});

describe('releases of Uptime Kuma that get an image', () => {
	const upstream = [
		'1.23.17',
		'2.0.2',
		'2.1.0-beta.3',
		'2.1.3',
		'2.3.2',
		'2.4.0',
		'2.5.9',
		'2.5.10',
		'2.6.0-beta.0',
	];

	test('are the newest ones of the latest three minor versions, under the tags that upstream has', () => {
		expect(chooseReleases({ upstream, published: [] })).toEqual([
			{ release: '2.5.10', tags: ['2.5.10', '2.5', '2'], previous: '2.5.9' },
			{ release: '2.4.0', tags: ['2.4.0', '2.4'], previous: '2.3.2' },
			{ release: '2.3.2', tags: ['2.3.2', '2.3'], previous: '2.1.3' },
		]);
	});

	test('are those that have none yet, each compared with the last one that has', () => {
		const published = ['2', '2.5', '2.4.0', '2.4.0-slim', '2.3.2', '2.5.10-slim'];

		expect(chooseReleases({ upstream, published })).toEqual([
			{ release: '2.5.10', tags: ['2.5.10', '2.5', '2'], previous: '2.4.0' },
		]);
		expect(chooseReleases({ upstream, published: [...published, '2.5.10'] })).toEqual([]);
	});

	test('are printed for the matrix of a workflow, out of what git and the registry say', async () => {
		const directory = await temporaryDirectory('releases');
		const [refs, tags] = [join(directory, 'upstream.txt'), join(directory, 'published.txt')];
		await writeFile(refs, upstream.map((tag) => `${'0'.repeat(40)}\trefs/tags/${tag}\n`).join(''));
		await writeFile(tags, '2.4.0\n2.3.2\n');

		const { stdout } = await execa(process.execPath, [SCRIPT, '--upstream', refs, '--published', tags]);

		expect(stdout).toBe('[{"release":"2.5.10","tags":["2.5.10","2.5","2"],"previous":"2.4.0"}]');
	});

	test('have a Node that is new enough', () => {
		expect(chooseReleases({ upstream: ['1.23.17', '2.0.2'], published: [] })).toEqual([]);
	});
});
