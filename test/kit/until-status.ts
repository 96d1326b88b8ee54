import type { Status } from '../../src/model/status.ts';
import { waitFor } from './wait-for.ts';

/**
 * Asks for a status until it is as wanted; an instance that is not up yet has none.
 * @param parts.log what the instance has printed, for the message alone.
 * @returns the status.
 */
export async function untilStatus(parts: {
	readonly ask: () => Promise<Status | null>;
	readonly what: string;
	readonly condition: (status: Status) => boolean;
	readonly timeoutMs: number;
	readonly log: () => string | Promise<string>;
}): Promise<Status> {
	const { ask, what, condition, timeoutMs, log } = parts;
	let status: Status | null = null;
	const isThere = async () => {
		status = await ask().catch(() => null);
		return status !== null && condition(status);
	};
	await waitFor(isThere, { timeoutMs, what }).catch(async (cause) => {
		const shown = JSON.stringify(status);
		throw new Error(`${what}: the status is ${shown}; replicator-kuma said:\n${await log()}`, { cause });
	});
	if (status === null) throw new Error('there is no status');
	return status;
}
