import { type ErrorDetails, ReplicatorError } from '../../model/replicator-error.ts';
import { afterRetry, errorLines, summarize } from './restic-messages.ts';
import type { ResticEnd } from './restic-process.ts';

const CONFIG_UNOPENED = 'unable to open config file: ';
const ABSENT = /no such file or directory|does(?: not|n't) exist|Object Not Found|StatusCode=404/;
const UNANSWERED = /dial |lookup |connect/;

const UNREACHABLE =
	/connection refused|connection reset|no such host|could not resolve|i\/o timeout|deadline exceeded|no route to host|network is unreachable|broken pipe|tls: |x509: |server misbehaving|unable to open repository|unable to open config file|\((?:5\d\d|429)\)|: EOF/i;

const REFUSED =
	/\b(?:401|403)\b|access ?denied|permission denied|operation not permitted|read-only file system/i;

const DAMAGED =
	/is damaged|ciphertext verification failed|invalid data returned|has zero size|could not load snapshot|^Ignoring |not found in repository|has not been found/m;

/** What Go says of a request begins with its verb and its address. */
const OVER_HTTP = /https?:\/\/|\b(?:Get|Head|Post|Put|Delete) "/i;

const GONE = /no such file|does not exist/i;

const VAIN =
	/permission denied|operation not permitted|read-only file system|no space left on device|\b40[13]\b|access ?denied/i;
const CONTENT_LOADED = /Load\(<(?:data|snapshot)\//i;
const CONTENT_ABSENT = /no such file|does not exist|not found/i;
const REMOVED = /Remove\(<(?!lock)|unable to remove <(?!lock)|blob not removed/i;
const FORBIDDEN = /\b40[35]\b|forbidden|access ?denied|append-only|not permitted/i;

/** @returns whether every further attempt is vain; restic itself would go on for minutes. */
export function isHopeless(line: string): boolean {
	const reason = afterRetry(line);
	return reason !== null && VAIN.test(reason);
}

/** @returns whether a pack or a snapshot is gone, most likely pruned or forgotten since the list was read. */
export function isContentGone(line: string): boolean {
	const reason = afterRetry(line);
	return reason !== null && CONTENT_LOADED.test(line) && CONTENT_ABSENT.test(reason);
}

/**
 * @returns whether the backend lets nobody remove anything: what protects a repository from a leader that was broken into.
 */
export function isAppendOnly(line: string): boolean {
	const removed = REMOVED.exec(line);
	return removed !== null && FORBIDDEN.test(line.slice(removed.index));
}

/** restic lists on past a snapshot that it cannot read, and says so here only. A head could be missing then. */
export function hasUnreadableSnapshot(end: ResticEnd): boolean {
	return /^(?:could not load snapshot|Ignoring )/m.test(errorLines(end.stderr).join('\n'));
}

/** @returns why restic went on without its cache, in its own words, or null where it did not. */
export function findCacheComplaint(end: ResticEnd): string | null {
	return errorLines(end.stderr).find((line) => line.startsWith('unable to open cache')) ?? null;
}

/**
 * @returns whether a call that went wrong may have done so because of what restic has cached: that is named, or what was
 * read makes no sense. What cannot be reached, or is gone, or is locked, is not the cache's fault.
 */
export function isCacheSuspect(end: ResticEnd, cachePath: string): boolean {
	// Half a snapshot was kept, or restic was killed and may have kept one: another attempt would keep another one.
	if (end.exitCode === 3 || end.exitCode === null) return false;
	const lines = errorLines(end.stderr);
	const text = lines.join('\n');
	if (text.includes(cachePath)) return true;
	if (GONE.test(text)) return false;
	// A connection that broke says nothing about what was read from a disk.
	const ownText = lines.filter((line) => !OVER_HTTP.test(line)).join('\n');
	return (
		DAMAGED.test(ownText) ||
		/: (?:unexpected )?EOF/.test(ownText) ||
		((ownText !== '' || text === '') && diagnose(end.exitCode, text).code === 'restic-failed')
	);
}

/**
 * @returns the failure that a restic which ended badly stands for. Newer versions tell some of them by exit code,
 * 0.14 by text alone; a wrong password or a backend out of reach is never taken for a repository that is not there.
 */
export function toReplicatorError(
	end: ResticEnd,
	place: { readonly location: string; readonly mask: (text: string) => string },
): ReplicatorError {
	const { location, mask } = place;
	const text = errorLines(end.stderr).join('\n');
	const { what, ...details } = diagnose(end.exitCode, text);
	const said = summarize(end.stderr, mask) || `it ended with ${end.exitCode ?? 'a signal'} and said nothing`;
	return new ReplicatorError(`${what} (restic ${end.command}, repository ${location}): ${said}`, details);
}

interface Diagnosis extends ErrorDetails {
	readonly what: string;
}

function diagnose(exitCode: number | null, text: string): Diagnosis {
	if (/resolving password failed|empty password|unable to read password/i.test(text)) {
		return {
			what: 'There is no usable password for the repository',
			code: 'repository-password-wrong',
			hint: 'Check RESTIC_PASSWORD, RESTIC_PASSWORD_FILE or RESTIC_PASSWORD_COMMAND.',
		};
	}
	if (exitCode === 12 || /wrong password or no key found/i.test(text)) {
		return {
			what: 'The password does not open the repository',
			code: 'repository-password-wrong',
			hint: 'Check RESTIC_PASSWORD: every instance of a fleet needs the same one.',
		};
	}
	if (exitCode === 10 || text.split('\n').some(isConfigAbsent)) {
		return {
			what: 'There is no repository',
			code: 'repository-missing',
			hint: 'Check RESTIC_REPOSITORY. The leader creates a new repository by itself.',
		};
	}
	if (exitCode === 11 || /repository is already locked/i.test(text)) {
		return {
			what: 'Somebody else has locked the repository',
			code: 'repository-locked',
			hint: 'If no other restic is at work, remove the lock with "restic unlock".',
			isRetryable: true,
		};
	}
	return diagnoseBackend(text) ?? diagnoseRest(text);
}

/**
 * "Is there a repository at the following location?" stands below any failure to open the configuration, in older
 * versions. Only some reasons, on the same line, say that there is none; the rest is a backend that does not answer.
 */
function isConfigAbsent(line: string): boolean {
	const at = line.indexOf(CONFIG_UNOPENED);
	const reason = at < 0 ? '' : line.slice(at + CONFIG_UNOPENED.length);
	return ABSENT.test(reason) && !UNANSWERED.test(reason);
}

function diagnoseBackend(text: string): Diagnosis | null {
	if (/no space left on device|disk quota exceeded|insufficient storage|\(507\)/i.test(text)) {
		return {
			what: 'There is no space left',
			code: 'disk-full',
			hint: "Make room where the repository is, and in this instance's data directory, which holds restic's cache.",
		};
	}
	if (/parsing repository location failed|invalid backend|please specify repository/i.test(text)) {
		return {
			what: 'RESTIC_REPOSITORY is not a location that restic knows',
			code: 'configuration-invalid',
			hint: 'Write it as restic does: a folder, "rest:https://…", "s3:https://…", "sftp:user@host:/folder" …',
		};
	}
	if (REFUSED.test(text)) {
		return {
			what: 'Access to the repository was denied',
			code: 'repository-unreachable',
			hint: "Check the backend's credentials, and who may read and write there.",
		};
	}
	if (!DAMAGED.test(text) && UNREACHABLE.test(text)) {
		return {
			what: 'The repository cannot be reached',
			code: 'repository-unreachable',
			hint: 'Check the address in RESTIC_REPOSITORY, the network between here and there, and the server.',
			isRetryable: true,
		};
	}
	return null;
}

function diagnoseRest(text: string): Diagnosis {
	if (/unknown (?:shorthand )?(?:flag|command)/i.test(text)) {
		return {
			what: 'This restic is too old',
			code: 'restic-too-old',
			hint: 'Install restic 0.14 or newer; "restic version" says which one is there.',
		};
	}
	if (/no matching ID found/i.test(text)) {
		return {
			what: 'The snapshot is not in the repository',
			code: 'snapshot-not-found',
			hint: 'List what is there with "replicator-kuma snapshots".',
		};
	}
	if (DAMAGED.test(text)) {
		return {
			what: 'The repository is damaged',
			code: 'restic-failed',
			hint: 'Look at it with "restic check". Nothing was changed; no instance follows what cannot be read.',
		};
	}
	return {
		what: 'restic failed',
		code: 'restic-failed',
		hint: 'Run "restic check" with the same environment to see whether the repository is whole.',
	};
}
