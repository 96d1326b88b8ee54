import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { variables } from '../../src/config/schema.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const FOLDER = join(import.meta.dirname, '../../packaging/systemd');
const UNIT = 'replicator-kuma@.service';
/** systemd's own measure, from 0 for sealed to 10 for open, times ten. A web server without any of it has 92 to 96. */
const EXPOSURE_MAX = 25;
const TIMEOUT_MS = 50_000;

async function analyze(...words: readonly string[]) {
	const { exitCode, all } = await execa('systemd-analyze', words, {
		env: { SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '', LC_ALL: 'C.UTF-8' },
		all: true,
		reject: false,
		stdin: 'ignore',
		timeout: TIMEOUT_MS,
	});
	return { exitCode, output: all };
}

/** @returns where an instance of the unit lies, with a change in it. */
async function instanceOf(name: string, change: (text: string) => string = (text) => text): Promise<string> {
	const path = join(await temporaryDirectory('units'), UNIT.replace('@', `@${name}`));
	await writeFile(path, change(await readFile(join(FOLDER, UNIT), 'utf8')));
	return path;
}

describe('the systemd unit', () => {
	test.each(['leader', 'replica'])('is understood by systemd without a remark, as %s', async (name) => {
		const verified = await analyze('verify', '--man=no', await instanceOf(name));

		expect(verified).toEqual({ exitCode: 0, output: '' });
	});

	test('is not when a setting is misspelt', async () => {
		const path = await instanceOf('leader', (text) => text.replace('KillMode=', 'KilMode='));

		expect((await analyze('verify', '--man=no', path)).output).toMatch(/Unknown key (name )?'KilMode'/);
	});

	test('is as closed as Node and ping allow', async () => {
		const measure = (path: string) =>
			analyze('security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, '--no-pager', path);

		const ours = await measure(await instanceOf('leader'));
		const open = await measure(
			await instanceOf('leader', (text) => text.replace(/^(Protect|Restrict).*$/gm, '')),
		);

		expect(ours.output).toMatch(/Overall exposure level/);
		expect(ours.exitCode).toBe(0);
		expect(open.exitCode).not.toBe(0);
	});

	test('leaves Kuma alone when replicator-kuma is killed, or restic is for want of memory', async () => {
		const unit = await readFile(join(FOLDER, UNIT), 'utf8');

		expect(unit).toMatch(/^KillMode=process$/m);
		expect(unit).toMatch(/^OOMPolicy=continue$/m);
		expect(unit).toMatch(/^Restart=always$/m);
	});

	test('has its user made by systemd-sysusers', async () => {
		const root = await temporaryDirectory('root');
		await mkdir(join(root, 'etc'));
		const file = join(root, 'replicator-kuma.conf');
		await copyFile(join(FOLDER, 'replicator-kuma.sysusers.conf'), file);

		await execa('systemd-sysusers', [`--root=${root}`, file], { stdin: 'ignore', timeout: TIMEOUT_MS });

		expect(await readFile(join(root, 'etc/passwd'), 'utf8')).toMatch(
			/^uptime-kuma:x:\d+:\d+:Uptime Kuma:\/var\/lib\/replicator-kuma:/m,
		);
	});
});

describe('the example of an environment file', () => {
	const read = async () => {
		const text = await readFile(join(FOLDER, 'replicator-kuma.env.example'), 'utf8');
		return { asItIs: parseEnv(text), all: parseEnv(text.replace(/^#(?=[A-Z_]+=)/gm, '')) };
	};

	test('needs a password, and nothing else, to be used', async () => {
		const { asItIs } = await read();

		const { problems } = loadConfig(asItIs, { needsRepository: true });
		const filledIn = loadConfig({ ...asItIs, RESTIC_PASSWORD: 'sesame-open-up' }, { needsRepository: true });

		expect(problems.map(({ variable }) => variable)).toEqual(['RESTIC_PASSWORD']);
		expect([filledIn.problems, filledIn.warnings]).toEqual([[], []]);
	});

	test('names variables that exist, with values that can be used', async () => {
		const { all } = await read();
		const secrets = { RESTIC_PASSWORD: 'sesame-open-up', REPLICATOR_TOKEN: '4f1c0e7b92d84a65b3a1' };

		const { problems, warnings } = loadConfig({ ...all, ...secrets }, { needsRepository: true });

		const known = new Set(variables.map(({ name }) => name));
		const foreign = Object.keys(all).filter((name) => !known.has(name as never));
		expect(foreign.sort()).toEqual(['UPTIME_KUMA_HOST', 'UPTIME_KUMA_PORT']);
		expect([problems, warnings]).toEqual([[], []]);
	});
});
