import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpackSqlite } from '../kit/fixtures.ts';
import { type InstalledPackage, installPackage } from '../kit/installed-package.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const BYTES_MAX = 2_000_000;
const TIMEOUT_MS = 50_000;

describe('the package', () => {
	let installed: InstalledPackage;
	beforeAll(async () => {
		installed = await installPackage();
	});
	afterAll(() => installed?.discard());

	async function run(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
		const home = await temporaryDirectory('home');
		const { exitCode, stdout, stderr } = await execa(installed.program, words, {
			cwd: home,
			env: { PATH: installed.path, HOME: home, ...env },
			extendEnv: false,
			reject: false,
			stdin: 'ignore',
			timeout: TIMEOUT_MS,
		});
		return { exitCode, stdout, stderr };
	}

	test('holds the product, its licences and the units for systemd, and nothing of the workshop', () => {
		const paths = installed.files.map(({ path }) => path).sort();

		expect(paths).toEqual([
			'CHANGELOG.md',
			'LICENSE',
			'README.md',
			'dist/replicator-kuma-agent.cjs',
			'dist/replicator-kuma.js',
			'dist/replicator-kuma.js.map',
			'dist/replicator-kuma.licenses.txt',
			'package.json',
			'packaging/systemd/replicator-kuma.env.example',
			'packaging/systemd/replicator-kuma.sysusers.conf',
			'packaging/systemd/replicator-kuma@.service',
		]);
		expect(installed.size).toBeLessThan(BYTES_MAX);
	});

	test('needs no other package, and npm has nothing to remark', () => {
		expect(installed.packages).toEqual([join(installed.prefix, 'lib/node_modules/replicator-kuma')]);
		expect(installed.warnings).toBe('');
	});

	test('is published with its provenance, from the repository that it names', async () => {
		const manifest = JSON.parse(
			await readFile(join(installed.prefix, 'lib/node_modules/replicator-kuma/package.json'), 'utf8'),
		);

		expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true });
		expect(manifest.repository.url).toMatch(/^git\+https:\/\/github\.com\/[^/]+\/replicator-kuma\.git$/);
		expect(manifest.dependencies ?? {}).toEqual({});
		const version = { exitCode: 0, stdout: manifest.version, stderr: '' };
		expect(await run(['--version'])).toEqual(version);
	});

	test('brings a doctor that finds nothing wrong where nothing is, and a leader and a replica that publish and apply', async () => {
		const leader = await temporaryDirectory('leader');
		const replica = await temporaryDirectory('replica');
		await unpackSqlite('plain-2.3.2.sqlite.db.gz', leader);
		await unpackSqlite('plain-2.0.2.sqlite.db.gz', replica);
		const repository = join(await temporaryDirectory('repository'), 'kuma');
		const shared = { RESTIC_REPOSITORY: repository, RESTIC_PASSWORD: 'sesame-open-up' };
		const onLeader = { ...shared, DATA_DIR: leader, REPLICATOR_MODE: 'BACKUP' };
		const onReplica = { ...shared, DATA_DIR: replica, REPLICATOR_MODE: 'RESTORE' };

		const published = await run(['backup'], onLeader);
		const applied = await run(['restore', '--allow-deletes'], onReplica);
		const again = await run(['restore', '--dry-run'], onReplica);
		const doctors = [await run(['doctor', '--json'], onLeader), await run(['doctor', '--json'], onReplica)];

		expect(published).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^Published/) });
		expect(applied).toMatchObject({ exitCode: 0, stderr: '' });
		expect(again.stdout).toMatch(/^The database equals snapshot/);
		for (const { exitCode, stdout, stderr } of doctors) {
			const problems = JSON.parse(stdout).findings.filter(
				({ verdict }: { verdict: string }) => verdict === 'problem',
			);
			expect([problems, exitCode, stderr]).toEqual([[], 0, '']);
		}
	});

	test('tells an older Node in two lines what it needs', async () => {
		const fake = `Object.defineProperty(process.versions, 'node', { value: '20.19.5' });`;
		const { exitCode, stderr } = await run(['--version'], {
			NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fake)}`,
		});

		expect(stderr).toMatch(
			/^Error: Replicator Kuma needs Node 22\.13 or newer; this is Node 20\.19\.5\.\n.*\/bin\//,
		);
		expect(exitCode).toBe(1);
	});
});
