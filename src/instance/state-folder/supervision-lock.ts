import { asFailure } from '../../log/as-failure.ts';
import { isReplicatorError, ReplicatorError } from '../../model/replicator-error.ts';
import { isSocketAnswering } from '../../wire/is-socket-answering.ts';
import { prepareStateDirectory, type StatePaths } from './data-directory.ts';
import { type DataDirectoryLock, type LockPaths, lockDataDirectory } from './data-directory-lock.ts';
import { isStandInThere, prepareStandIn, type StandInPaths } from './stand-in-directory.ts';

/** Keeps a second supervisor away from a data directory, as far as that can be known. */
export interface SupervisionLock {
	/** Why `replicator-kuma/` could not be made, or not be locked; null when it is ours. */
	readonly trouble: ReplicatorError | null;
	/**
	 * Makes and locks `replicator-kuma/` where that has not been done yet.
	 * @throws ReplicatorError as {@link lockDataDirectory} does.
	 */
	complete(): Promise<void>;
	/** Idempotent. */
	release(): Promise<void>;
}

/**
 * Makes this process the only supervisor of a Kuma. Where the data directory can be written, that is its lock. Where it
 * cannot, that must not keep Kuma from running: a lock in the folder that stands in for it then finds a second
 * supervisor that starts under the same circumstances, and a control socket that answers one that has started before.
 * @throws ReplicatorError `data-directory-in-use`, and nothing else.
 */
export async function lockSupervision(parts: {
	readonly dataDirectory: string;
	readonly paths: StatePaths;
	readonly standIn: StandInPaths;
}): Promise<SupervisionLock> {
	const { dataDirectory, paths, standIn } = parts;
	const held: DataDirectoryLock[] = [];
	let trouble: ReplicatorError | null = null;
	let isComplete = false;

	async function complete(): Promise<void> {
		if (isComplete) return;
		await prepareStateDirectory(dataDirectory);
		held.push(await lockDataDirectory(paths));
		isComplete = true;
		trouble = null;
	}
	async function release(): Promise<void> {
		// In the order in which another one would look.
		for (const lock of held.splice(0)) await lock.release();
	}

	try {
		await complete();
	} catch (error) {
		if (isReplicatorError(error, 'data-directory-in-use')) throw error;
		trouble = asFailure(error);
		await refuseWhereAnswered([paths.controlSocket, standIn.controlSocket]);
		// Without it there is one way less to find another one.
		await prepareStandIn(standIn).catch(() => undefined);
	}
	try {
		// Also by who has the data directory's own lock: another one may run that could not have it.
		if (await isStandInThere(standIn)) await lockStandIn(standIn, held);
	} catch (error) {
		await release();
		throw error;
	}
	return {
		get trouble() {
			return trouble;
		},
		complete,
		release,
	};
}

async function refuseWhereAnswered(controlSockets: readonly string[]): Promise<void> {
	for (const path of controlSockets) {
		if (!(await isSocketAnswering(path))) continue;
		throw new ReplicatorError(`Another replicator-kuma uses this data directory; it answers at ${path}`, {
			code: 'data-directory-in-use',
			hint: 'Let the running one do it, stop it first, or point DATA_DIR to another data directory.',
		});
	}
}

/** Where even that lock cannot be had, nobody can know; that Kuma's port is free is all there is then. */
async function lockStandIn(standIn: LockPaths, held: DataDirectoryLock[]): Promise<void> {
	try {
		held.push(await lockDataDirectory(standIn));
	} catch (error) {
		if (isReplicatorError(error, 'data-directory-in-use')) throw error;
	}
}
