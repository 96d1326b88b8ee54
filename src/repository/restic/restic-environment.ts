import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ReplicatorError } from '../../model/replicator-error.ts';

type Environment = Readonly<Record<string, string>>;

/** What any program needs, and what restic's backends, ssh and TLS take from where they run. */
const AMBIENT = new Set([
	...['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'LANG', 'LC_ALL', 'TZ'],
	...['SSH_AUTH_SOCK', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
	...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'],
	...['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'],
]);
const AMBIENT_PREFIX = 'XDG_';

/**
 * Newer restic takes RESTIC_HOST as a filter when it lists: a lineage with several leaders would look as if it
 * had lost its head. What we publish names its host itself.
 */
const NEVER_HANDED_ON = ['RESTIC_HOST', 'RESTIC_REPOSITORY_FILE'];

/** Variables that hold a path. restic runs in the folder that it keeps, so paths must not be relative. */
const HOLDS_PATH =
	/_FILE$|^(RESTIC_CACERT|RESTIC_TLS_CLIENT_CERT|RESTIC_CACHE_DIR|RCLONE_CONFIG|GOOGLE_APPLICATION_CREDENTIALS)$/;

const REMOTE = /^(rest|s3|sftp|b2|azure|gs|swift|rclone):/;

/**
 * @param environment restic's own variables and those of its backends, complete; nothing else is handed on to it
 * but what every program needs.
 * @returns the environment of a restic process, in which every path is absolute.
 * @throws ReplicatorError `configuration-invalid` when no repository is named.
 */
export function resticEnvironment(request: {
	readonly ambient: Readonly<Record<string, string | undefined>>;
	readonly environment: Environment;
	readonly cacheDirectory: string;
}): Record<string, string> {
	const { ambient, environment, cacheDirectory } = request;
	const result = ambientEnvironment(ambient);
	result.RESTIC_CACHE_DIR = resolve(cacheDirectory);
	for (const [name, value] of Object.entries(environment)) {
		if (NEVER_HANDED_ON.includes(name)) continue;
		result[name] = HOLDS_PATH.test(name) ? resolve(value) : value;
	}
	const named = repositoryOf(environment);
	result.RESTIC_REPOSITORY = isLocal(named) ? localPath(named) : named;
	return result;
}

/** @returns what of this process's own environment restic gets: nothing that is a secret of somebody else's. */
export function ambientEnvironment(
	ambient: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
	const result: Record<string, string> = {};
	for (const [name, value] of Object.entries(ambient)) {
		if (value !== undefined && (AMBIENT.has(name) || name.startsWith(AMBIENT_PREFIX))) result[name] = value;
	}
	return result;
}

/** @returns the absolute path of a repository in a local folder, or null for any other. */
export function localRepositoryPath(location: string): string | null {
	return isLocal(location) ? localPath(location) : null;
}

function repositoryOf(environment: Environment): string {
	const { RESTIC_REPOSITORY: direct, RESTIC_REPOSITORY_FILE: file } = environment;
	const named = direct || (file ? readRepositoryFile(file) : '');
	if (named !== '') return named;
	throw new ReplicatorError('No repository is named.', {
		code: 'configuration-invalid',
		hint: 'Set RESTIC_REPOSITORY, to a folder or to anything else that restic knows.',
	});
}

function readRepositoryFile(path: string): string {
	try {
		return readFileSync(path, 'utf8').trim();
	} catch (cause) {
		throw new ReplicatorError('The file that RESTIC_REPOSITORY_FILE names could not be read.', {
			code: 'configuration-invalid',
			hint: 'Check that the file is there and who may read it, or set RESTIC_REPOSITORY.',
			cause,
		});
	}
}

function isLocal(location: string): boolean {
	return !REMOTE.test(location);
}

function localPath(location: string): string {
	return resolve(location.replace(/^local:/, ''));
}
