import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileError } from '../../files/file-error.ts';
import { type StatePaths, TEMPORARY_PREFIX } from '../../instance/state-folder/data-directory.ts';
import {
	isStandInThere,
	prepareStandIn,
	type StandInPaths,
} from '../../instance/state-folder/stand-in-directory.ts';
import { examineBesideState } from '../../instance/state-folder/state-directory-check.ts';
import { isReplicatorError } from '../../model/replicator-error.ts';
import { withSocketPath } from '../../wire/socket-path.ts';

/** Where the agent inside of Kuma listens: in the data directory, else in the folder that stands in for it. */
export interface AgentSockets {
	/**
	 * Where the next Kuma listens; null where there is no place for a socket. A Kuma without an agent is held by nobody and
	 * restarted for every change, but it monitors.
	 */
	readonly next: string | null;
	/** Where a Kuma may listen that this run or an earlier one has started, in the order to try them. */
	readonly all: readonly string[];
	/**
	 * Looks for the place of the next start.
	 * @throws ReplicatorError why it is not in the data directory.
	 */
	find(): Promise<void>;
}

/**
 * Knows the places for the agent's socket of one data directory. None is looked for until {@link AgentSockets.find} is
 * called; until then there is no place for the next start.
 */
export function createAgentSockets(paths: StatePaths, standIn: StandInPaths): AgentSockets {
	let next: string | null = null;
	let all: readonly string[] = [paths.agentSocket];
	/** At once: a Kuma may be started while another place is looked for. */
	const settle = (found: string | null, earlier: readonly string[]) => {
		next = found;
		all = [...new Set([...(found === null ? [] : [found]), ...earlier])];
	};
	return {
		get next() {
			return next;
		},
		get all() {
			return all;
		},
		async find() {
			// An earlier run may have had no other place than this one.
			const earlier = (await isStandInThere(standIn)) ? [standIn.agentSocket, ...all] : all;
			try {
				await refuseOccupied(paths);
				await tryToListen(paths.agentSocket);
			} catch (error) {
				settle((await canStandIn(standIn)) ? standIn.agentSocket : null, earlier);
				throw error;
			}
			settle(paths.agentSocket, earlier);
		},
	};
}

async function refuseOccupied(paths: StatePaths): Promise<void> {
	const troubles = await examineBesideState(paths);
	const occupied = troubles?.find(({ path }) => path === paths.agentSocket);
	if (occupied !== undefined) throw occupied.error;
}

async function canStandIn(standIn: StandInPaths): Promise<boolean> {
	try {
		await prepareStandIn(standIn);
		await tryToListen(standIn.agentSocket);
		return true;
	} catch (error) {
		if (!isReplicatorError(error)) throw error;
		return false;
	}
}

/**
 * Listens for a moment beside the place, where a Kuma may listen already: some file systems have no sockets, and nothing
 * else says so.
 */
async function tryToListen(path: string): Promise<void> {
	const beside = join(dirname(path), `${TEMPORARY_PREFIX}${randomBytes(4).toString('hex')}.sock`);
	try {
		await withSocketPath(beside, listenBriefly);
	} catch (cause) {
		throw fileError({ path, verb: 'listen at', cause });
	} finally {
		// Where it could not be made, there is nothing to remove.
		await rm(beside, { force: true }).catch(() => undefined);
	}
}

function listenBriefly(path: string): Promise<void> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once('error', reject);
		server.listen(path, () => server.close(() => resolve()));
	});
}
