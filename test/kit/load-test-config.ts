import { expect } from 'vitest';
import { type Config, loadConfig } from '../../src/config/load-config.ts';

type Texts = Readonly<Record<string, string>>;

/** What every configuration needs. */
export const REPOSITORY = { RESTIC_REPOSITORY: '/srv/repository', RESTIC_PASSWORD: 'correct horse' };

/** Reads an environment that names a repository, unless it says otherwise, beside files that exist here alone. */
export function loadTestConfig(env: Texts, files: Texts = {}) {
	return loadConfig({ ...REPOSITORY, ...env }, { needsRepository: true, readFile: readFrom(files) });
}

/** @returns the configuration of an environment without a problem. */
export function goodConfig(env: Texts, files: Texts = {}): Config {
	const { config, problems } = loadTestConfig(env, files);
	expect(problems).toEqual([]);
	return config ?? expect.fail('no configuration');
}

/** @returns the problems of an environment that is not usable, each with its variable in front. */
export function configProblems(env: Texts, files: Texts = {}): string[] {
	const { config, problems } = loadTestConfig(env, files);
	expect(config).toBeNull();
	return problems.map(({ variable, message }) => `${variable}: ${message}`);
}

/** Reads of files that exist in `files` alone. */
export function readFrom(files: Texts): (path: string) => string {
	return (path) => {
		const text = files[path];
		if (text !== undefined) return text;
		throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' });
	};
}
