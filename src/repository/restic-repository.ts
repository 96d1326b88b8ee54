import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseForgotten } from '../lineage/choose-forgotten.ts';
import {
	DEFAULT_FLEET,
	type Listing,
	type Publication,
	type PublishedSnapshot,
	type Repository,
	type Retention,
} from '../model/lineage.ts';
import type { Log } from '../model/log.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import { clearUnfinishedInit } from './clear-unfinished-init.ts';
import { repositoryIdOf } from './repository-id.ts';
import { snapshotIdOf } from './restic/backup-summary.ts';
import { createMask } from './restic/mask.ts';
import { localRepositoryPath, resticEnvironment } from './restic/restic-environment.ts';
import {
	hasUnreadableSnapshot,
	isAppendOnly,
	isContentGone,
	isHopeless,
	toReplicatorError,
} from './restic/restic-error.ts';
import { errorLines } from './restic/restic-messages.ts';
import {
	createResticRunner,
	type ResticCall,
	type ResticCallReport,
	type ResticEnd,
	type RunRestic,
} from './restic/restic-process.ts';
import { hasOnlyLostMetadata, secureTree } from './restored-tree.ts';
import { retryWhileLocked } from './retry-while-locked.ts';
import { isLegacy, isOurs, parseListing, readLegacy, readLineage } from './snapshot-listing.ts';
import { encodeTags, fleetTags, isFleetName } from './tags.ts';
import { trustCache } from './trusted-cache.ts';

/** In milliseconds; each is for one restic process, but for `lockPauseMs`. */
export interface RepositoryTimeouts {
	readonly listMs: number;
	readonly createMs: number;
	readonly publishMs: number;
	readonly fetchMs: number;
	readonly forgetMs: number;
	readonly pruneMs: number;
	/** From asking restic to end until it is killed: it removes its lock meanwhile. */
	readonly graceMs: number;
	/** First pause before another attempt when the repository is locked. */
	readonly lockPauseMs: number;
}

const TIMEOUTS: RepositoryTimeouts = {
	listMs: 60_000,
	createMs: 120_000,
	publishMs: 300_000,
	fetchMs: 120_000,
	forgetMs: 300_000,
	pruneMs: 1_800_000,
	graceMs: 5_000,
	lockPauseMs: 1_000,
};

/** Command lines have a limit of their own, and an id has 64 digits. */
const FORGET_AT_ONCE_MAX = 200;

export interface ResticRepositoryOptions {
	/**
	 * The variables of restic and its backends, complete. Where restic runs gives it only what every program needs
	 * (PATH, HOME, proxies). Paths in them are relative to this process's folder.
	 */
	readonly environment: Readonly<Record<string, string>>;
	/** restic's cache, unless RESTIC_CACHE_DIR names another. */
	readonly cacheDirectory: string;
	readonly fleet: string;
	readonly log: Log;
	readonly timeouts?: Partial<RepositoryTimeouts>;
	/** Ends the call under way, after which every call is `interrupted`. */
	readonly signal?: AbortSignal;
	readonly onCall?: (report: ResticCallReport) => void;
}

/**
 * @returns the repository that RESTIC_REPOSITORY names, as one fleet sees it. Nothing is started and no network is used.
 * @throws ReplicatorError `configuration-invalid`.
 */
export function openResticRepository(options: ResticRepositoryOptions): Repository {
	if (!isFleetName(options.fleet)) {
		throw new ReplicatorError('The name of the fleet is not usable.', {
			code: 'configuration-invalid',
			hint: 'Use 1 to 64 letters, digits, dots, underscores and hyphens in REPLICATOR_FLEET.',
		});
	}
	const { environment: own, cacheDirectory, signal, onCall, log } = options;
	const environment = resticEnvironment({ ambient: process.env, environment: own, cacheDirectory });
	const repositoryUrl = environment.RESTIC_REPOSITORY ?? '';
	const mask = createMask(environment);
	const timeouts = { ...TIMEOUTS, ...options.timeouts };
	const runOnce = createResticRunner({
		environment,
		graceMs: timeouts.graceMs,
		signal,
		onCall: (report) => {
			log.debug('restic ended', { ...report });
			onCall?.(report);
		},
	});
	const path = environment.RESTIC_CACHE_DIR ?? '';
	const run = trustCache({ run: runOnce, path, isOwn: own.RESTIC_CACHE_DIR === undefined, mask, log });
	const { fleet } = options;
	return new ResticRepository({ repositoryUrl, fleet, log, timeouts, mask, run, ignoredIds: new Set() });
}

interface Parts {
	readonly repositoryUrl: string;
	readonly fleet: string;
	readonly log: Log;
	readonly timeouts: RepositoryTimeouts;
	readonly mask: (text: string) => string;
	readonly run: RunRestic;
	/** A broken snapshot is reported once, not at every poll. */
	readonly ignoredIds: Set<string>;
}

class ResticRepository implements Repository {
	readonly location: string;
	readonly #parts: Parts;
	readonly #fleet: string;
	/** Whether the original's snapshots are this fleet's own past. */
	readonly #isHeir: boolean;
	readonly #log: Log;
	readonly #timeouts: RepositoryTimeouts;
	readonly #run: RunRestic;
	readonly #signal: AbortSignal | undefined;

	constructor(parts: Parts, signal?: AbortSignal) {
		this.#parts = parts;
		this.location = parts.mask(parts.repositoryUrl);
		this.#fleet = parts.fleet;
		this.#isHeir = parts.fleet === DEFAULT_FLEET;
		this.#log = parts.log;
		this.#timeouts = parts.timeouts;
		this.#signal = signal;
		this.#run = (call) => parts.run({ ...call, signal });
	}

	within(signal: AbortSignal): Repository {
		return new ResticRepository(this.#parts, signal);
	}

	async list(): Promise<PublishedSnapshot[]> {
		const end = await this.#listing(this.#ofFleet());
		return this.#readLineage(parseListing(end.stdout));
	}

	async listWithLegacy(): Promise<Listing> {
		// restic takes what any of the filters lets through; the empty one is for snapshots without a tag.
		const end = await this.#listing([...this.#ofFleet(), ...(this.#isHeir ? ['--tag', ''] : [])]);
		const listed = parseListing(end.stdout);
		return { published: this.#readLineage(listed), legacy: this.#isHeir ? readLegacy(listed) : [] };
	}

	#ofFleet(): string[] {
		return ['--tag', fleetTags(this.#fleet).join(',')];
	}

	#readLineage(listed: ReturnType<typeof parseListing>): PublishedSnapshot[] {
		return readLineage(this.#fleet, listed, ({ id, reason }) => {
			if (this.#parts.ignoredIds.has(id)) return;
			this.#parts.ignoredIds.add(id);
			this.#log.warning('Ignored a snapshot whose tags are broken', { id, reason });
		});
	}

	async id(): Promise<string> {
		const end = await this.#run({
			command: 'cat',
			options: ['config', '--no-lock'],
			timeoutMs: this.#timeouts.listMs,
			givesUpOn: isHopeless,
		});
		if (end.exitCode !== 0) throw this.#failure(end);
		return repositoryIdOf(end.stdout);
	}

	async create(): Promise<void> {
		const path = localRepositoryPath(this.#parts.repositoryUrl);
		if (path !== null) await clearUnfinishedInit(path);
		const { createMs: timeoutMs } = this.#timeouts;
		const end = await this.#run({ command: 'init', options: [], timeoutMs, givesUpOn: isHopeless });
		try {
			// Two leaders may create it at once: what counts is that it can be used afterwards.
			await this.list();
		} catch (error) {
			throw end.exitCode === 0 ? error : this.#failure(end);
		}
	}

	async publish(publication: Publication): Promise<string> {
		const { directory, hostname } = publication;
		await requireDirectory(directory);
		const tags = encodeTags(this.#fleet, publication).flatMap((tag) => ['--tag', tag]);
		const end = await this.#locking({
			command: 'backup',
			// Every file is read anew: what is kept must not depend on times and inodes that look the same.
			options: ['--json', '--force', '--host', hostname, ...tags, '.'],
			directory,
			timeoutMs: this.#timeouts.publishMs,
			givesUpOn: isHopeless,
		});
		const resticSnapshotId = snapshotIdOf(end.stdout);
		if (end.exitCode !== 0) {
			// restic keeps what it could read (exit code 3). Half a snapshot must not become the head.
			if (resticSnapshotId !== null) await this.#forget([resticSnapshotId]);
			throw this.#failure(end);
		}
		if (resticSnapshotId !== null) return resticSnapshotId;
		throw new ReplicatorError(`restic reported no snapshot id for ${this.location}.`, {
			code: 'restic-failed',
			hint: 'Use a release of restic: `restic version` tells which one this is.',
			isRetryable: true,
		});
	}

	async fetch({ id, directory }: { id: string; directory: string }): Promise<void> {
		const end = await this.#run({
			command: 'restore',
			options: [id, '--target', directory, '--no-lock'],
			beforeAgain: () => emptyDirectory(directory),
			timeoutMs: this.#timeouts.fetchMs,
			givesUpOn: (line) => isHopeless(line) || isContentGone(line),
		});
		if (end.exitCode !== 0 && !hasOnlyLostMetadata(end)) throw this.#failure(end);
		await secureTree(directory);
	}

	async retain(request: {
		retention: Retention;
		headId: string;
	}): Promise<{ outcome: 'retained'; forgotten: string[] } | { outcome: 'append-only' }> {
		const forgotten = chooseForgotten({ snapshots: await this.list(), ...request });
		for (let start = 0; start < forgotten.length; start += FORGET_AT_ONCE_MAX) {
			const end = await this.#forget(forgotten.slice(start, start + FORGET_AT_ONCE_MAX));
			if (end.exitCode === 0) continue;
			if (errorLines(end.stderr).some(isAppendOnly)) return { outcome: 'append-only' };
			throw this.#failure(end);
		}
		return { outcome: 'retained', forgotten };
	}

	async prune(): Promise<{ outcome: 'pruned' } | { outcome: 'shared' } | { outcome: 'append-only' }> {
		const everything = parseListing((await this.#listing([])).stdout);
		const isInTheFamily = everything.every((listed) => isOurs(listed) || (this.#isHeir && isLegacy(listed)));
		if (!isInTheFamily) return { outcome: 'shared' };
		const end = await this.#locking({
			command: 'prune',
			options: [],
			timeoutMs: this.#timeouts.pruneMs,
			givesUpOn: (line) => isHopeless(line) || isAppendOnly(line),
		});
		if (errorLines(end.stderr).some(isAppendOnly)) return { outcome: 'append-only' };
		if (end.exitCode !== 0) throw this.#failure(end);
		return { outcome: 'pruned' };
	}

	/**
	 * A list that a snapshot is missing from is worse than none: the head could be the one. The second attempt is
	 * for one that was forgotten while the first one ran.
	 */
	async #listing(filter: readonly string[]): Promise<ResticEnd> {
		const call: ResticCall = {
			command: 'snapshots',
			options: ['--json', '--no-lock', ...filter],
			timeoutMs: this.#timeouts.listMs,
			givesUpOn: (line) => isHopeless(line) || isContentGone(line),
		};
		const first = await this.#run(call);
		const end = hasUnreadableSnapshot(first) ? await this.#run(call) : first;
		if (end.exitCode !== 0 || hasUnreadableSnapshot(end)) throw this.#failure(end);
		return end;
	}

	#forget(ids: readonly string[]): Promise<ResticEnd> {
		return this.#locking({
			command: 'forget',
			options: [...ids],
			timeoutMs: this.#timeouts.forgetMs,
			givesUpOn: (line) => isHopeless(line) || isAppendOnly(line),
		});
	}

	/** @returns how a call ended that needs a lock. @throws ReplicatorError `repository-locked` after some attempts. */
	#locking(call: ResticCall): Promise<ResticEnd> {
		const attempt = async (): Promise<ResticEnd> => {
			const end = await this.#run(call);
			const failure = end.exitCode === 0 ? null : this.#failure(end);
			if (isReplicatorError(failure, 'repository-locked')) throw failure;
			return end;
		};
		return retryWhileLocked(attempt, {
			pauseMs: this.#timeouts.lockPauseMs,
			signal: this.#signal,
			unlock: async (failures) => {
				// Our own restic leaves one behind when it is interrupted right after it has begun.
				if (failures === 1) this.#log.info('The repository is locked; removing stale locks');
				else this.#log.warning('The repository is still locked by somebody at work; trying again');
				const { listMs: timeoutMs } = this.#timeouts;
				const end = await this.#run({ command: 'unlock', options: [], timeoutMs, givesUpOn: isHopeless });
				if (end.exitCode !== 0) throw this.#failure(end);
			},
		});
	}

	#failure(end: ResticEnd): ReplicatorError {
		return toReplicatorError(end, { location: this.location, mask: this.#parts.mask });
	}
}

async function emptyDirectory(path: string): Promise<void> {
	for (const name of await readdir(path)) await rm(join(path, name), { recursive: true, force: true });
}

async function requireDirectory(path: string): Promise<void> {
	// Without it, the failure to start restic there could not be told from a missing restic.
	if ((await stat(path)).isDirectory()) return;
	throw new Error(`${path} is not a directory`);
}
