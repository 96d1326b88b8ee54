import type { LineagePlace } from '../model/lineage.ts';
import { isReplicatorError, ReplicatorError } from '../model/replicator-error.ts';
import { openSealed, SEALED_BYTES_MAX } from '../snapshot/sealed/seal.ts';
import { readBody, TooLargeError } from '../wire/read-body.ts';
import type { FleetKey } from './fleet-key.ts';
import { type LeaderAddress, reasonOf, requestLeader, unreachable } from './leader-request.ts';

const DOWNLOAD_MS = 30_000;

export interface LeaderContentOptions extends LeaderAddress {
	readonly fleet: string;
	readonly key: FleetKey;
	/** For the whole download. */
	readonly timeoutMs?: number;
	/** Ends downloads under way. */
	readonly signal?: AbortSignal;
}

/** Snapshots as the leader hands them out itself. */
export interface LeaderContent {
	/**
	 * Writes the tree of a snapshot into an existing, empty, private directory, as the repository's `fetch` does; whoever
	 * asks verifies it in the same way.
	 * @returns its place in the lineage, which only somebody with the fleet's password can have written.
	 * @throws ReplicatorError `leader-unreachable`, `snapshot-not-found`, `snapshot-corrupt`, `snapshot-format-unknown`, and
	 * what the key is rejected with. The repository has the snapshot, or will.
	 */
	fetchContent(request: { readonly digest: string; readonly directory: string }): Promise<LineagePlace>;
}

/** Opens the leader's own snapshots; nothing is asked of it until one is fetched. */
export function openLeaderContent(options: LeaderContentOptions): LeaderContent {
	const { fleet, key, timeoutMs = DOWNLOAD_MS } = options;
	return {
		async fetchContent({ digest, directory }) {
			const timeout = AbortSignal.timeout(timeoutMs);
			const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
			const sealed = await download(options, { digest, signal });
			try {
				return await openSealed({ sealed, digest, fleet, key: await key.get(), directory });
			} catch (error) {
				// The repository may have been made anew: then its id, and so the key, is another one.
				if (isReplicatorError(error, 'snapshot-corrupt')) key.renew();
				throw error;
			}
		},
	};
}

async function download(
	leader: LeaderAddress,
	request: { readonly digest: string; readonly signal: AbortSignal },
): Promise<Buffer> {
	const { digest, signal } = request;
	const path = `/api/snapshots/${digest}`;
	const answer = await requestLeader(leader, { path, accept: 'application/octet-stream', signal });
	try {
		return await readBody(answer, SEALED_BYTES_MAX);
	} catch (error) {
		throw error instanceof TooLargeError ? tooLarge(digest) : unreachable(reasonOf(error), error);
	}
}

function tooLarge(digest: string): ReplicatorError {
	return new ReplicatorError(
		`The leader sends more than ${SEALED_BYTES_MAX} bytes for the snapshot ${digest.slice(0, 8)}.`,
		{
			code: 'snapshot-corrupt',
			hint: 'Nothing was changed; the snapshot comes from the repository instead.',
		},
	);
}
