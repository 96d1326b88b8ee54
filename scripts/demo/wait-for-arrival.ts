import type { FleetMember } from './fleet-member.ts';

const PUBLISH_MS = 60_000;
const ARRIVAL_MS = 120_000;

/**
 * Waits until the leader has published everything that was edited before `editedAtMs`, a reading of Date.now().
 * @returns the generation of the snapshot that has it.
 */
export async function waitForPublished(leader: FleetMember, editedAtMs: number): Promise<number> {
	const { newest } = await leader.waitUntil('publishes the edit', PUBLISH_MS, ({ lastCycle }) => {
		if (lastCycle === null || lastCycle.snapshotId === null) return false;
		return Date.parse(lastCycle.finishedAt) - lastCycle.durationMs > editedAtMs;
	});
	return newest?.generation ?? 0;
}

/** Waits until a replica has applied that generation and its Kuma runs with it. */
export async function waitForArrival(replica: FleetMember, generation: number): Promise<void> {
	await replica.waitUntil(
		`generation ${generation} arrives`,
		ARRIVAL_MS,
		({ newest, applied, kuma, lastCycle }) => {
			if (lastCycle?.needsDecision === true) throw new Error(`${replica.name}: ${lastCycle.summary}`);
			// The newest is known after the cycle that brought it, applied already while Kuma takes it up.
			const hasApplied = newest !== null && newest.generation >= generation && applied?.id === newest.id;
			return hasApplied && kuma.state === 'running';
		},
	);
}
