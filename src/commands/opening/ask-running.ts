import { type ControlClient, controlClient } from '../../control/control-client.ts';
import type { StatePaths } from '../../instance/state-folder/data-directory.ts';
import { isHeld } from '../../instance/state-folder/data-directory-lock.ts';
import {
	isStandInThere,
	type StandInPaths,
	standInPaths,
} from '../../instance/state-folder/stand-in-directory.ts';
import { examineOwn } from '../../instance/state-folder/state-directory-check.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { Status } from '../../model/status.ts';

interface Place {
	readonly dataDirectory: string;
	readonly paths: StatePaths;
}

/** @returns how to ask the running replicator-kuma of a data directory, wherever its control socket could be made. */
export async function openControlClient(place: Place): Promise<ControlClient> {
	return clientOf(await placesOf(place));
}

/** @returns the folder in the data directory, and the one that stands in for it where there is one. */
async function placesOf({ dataDirectory, paths }: Place): Promise<readonly [StatePaths, ...StandInPaths[]]> {
	const standIn = await standInPaths(dataDirectory);
	// In a folder that is not ours anybody could answer.
	return (await isStandInThere(standIn)) ? [paths, standIn] : [paths];
}

function clientOf([own, ...others]: readonly [StatePaths, ...StandInPaths[]]): ControlClient {
	return controlClient(own.controlSocket, ...others.map(({ controlSocket }) => controlSocket));
}

/**
 * Asks the running replicator-kuma what it does.
 * @returns null when none is running.
 * @throws ReplicatorError `file-access` when one is running that has no control socket to be asked at, or may be: not the
 * same as none, for whatever restarts a container that does not answer must leave its Kuma alone.
 */
export async function askStatus(place: Place): Promise<Status | null> {
	const places = await placesOf(place);
	const status = await clientOf(places).status();
	if (status !== null) return status;
	for (const paths of places) {
		const holder = await isHeld(paths);
		if (holder.isHeld) throw cannotBeAsked(place, holder.pid);
	}
	// Whoever may write nowhere leaves no trace of running.
	const [trouble] = await examineOwn(place.paths);
	if (trouble !== undefined) throw cannotBeKnown(place, trouble.error);
	return null;
}

function cannotBeAsked({ dataDirectory, paths }: Place, pid: number | null): ReplicatorError {
	const who = pid === null ? 'A replicator-kuma' : `A replicator-kuma (process ${pid})`;
	return new ReplicatorError(`${who} runs on ${dataDirectory}, but it cannot be asked.`, {
		code: 'file-access',
		hint: `If it is a single command, such as an import, it ends soon. If it is "replicator-kuma run", it is starting or stopping, or its log says why ${paths.controlSocket} cannot be made; "replicator-kuma doctor" checks the files beside it.`,
		isRetryable: true,
	});
}

function cannotBeKnown({ dataDirectory }: Place, { message, hint }: ReplicatorError): ReplicatorError {
	return new ReplicatorError(
		`Whether a replicator-kuma runs on ${dataDirectory} cannot be known: ${message}`,
		{
			code: 'file-access',
			...(hint === undefined ? {} : { hint }),
		},
	);
}
