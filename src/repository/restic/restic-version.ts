import { ReplicatorError } from '../../model/replicator-error.ts';
import { ambientEnvironment } from './restic-environment.ts';
import { createResticRunner } from './restic-process.ts';

/** The oldest restic that this version was tried with. */
export const RESTIC_VERSION_MIN = '0.14';

const TIMEOUT_MS = 10_000;
const GRACE_MS = 1_000;

/**
 * Asks the restic on the PATH which version it is; needs no repository.
 * @param environment as for the repository; only a PATH in it matters.
 * @throws ReplicatorError `restic-missing`, `restic-too-old`, `restic-failed`, `restic-timed-out`.
 */
export async function resticVersion(environment: Readonly<Record<string, string>>): Promise<string> {
	const run = createResticRunner({
		environment: { ...ambientEnvironment(process.env), ...environment },
		graceMs: GRACE_MS,
	});
	const { stdout } = await run({ command: 'version', options: [], timeoutMs: TIMEOUT_MS });
	const [, version] = /^restic v?(\d+\.\d+\S*)/m.exec(stdout) ?? [];
	if (version === undefined) {
		throw new ReplicatorError('The program "restic" on the PATH does not say its version.', {
			code: 'restic-failed',
			hint: 'Run "restic version" and see whether it is restic (https://restic.net) at all.',
		});
	}
	const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
	const [majorMin = 0, minorMin = 0] = RESTIC_VERSION_MIN.split('.').map(Number);
	if (major < majorMin || (major === majorMin && minor < minorMin)) {
		throw new ReplicatorError(`restic ${version} is too old.`, {
			code: 'restic-too-old',
			hint: `Install restic ${RESTIC_VERSION_MIN} or newer.`,
		});
	}
	return version;
}
