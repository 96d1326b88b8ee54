import { setTimeout as delay } from 'node:timers/promises';
import type { Status } from '../../src/model/status.ts';
import type { FleetMember } from './fleet-member.ts';
import type { Fleet } from './fleet-starter.ts';
import { type Progress, seconds } from './progress.ts';

const POLL_MS = 250;
const DETAILS_MAX = 8;

/**
 * Tells what the leader publishes, when it arrives on each replica and what changed there, and what goes wrong.
 * Ends only when a member of the fleet does.
 */
export async function followFleet({ leader, replicas }: Fleet, progress: Progress): Promise<never> {
	const seen = new Map<FleetMember, Status>();
	while (true) {
		for (const member of [leader, ...replicas]) {
			const status = await member.status();
			if (status === null) continue;
			const before = seen.get(member);
			seen.set(member, status);
			if (before !== undefined) tellNews({ name: member.name, before, status }, progress);
		}
		await delay(POLL_MS);
	}
}

function tellNews(
	{ name, before, status }: { readonly name: string; readonly before: Status; readonly status: Status },
	progress: Progress,
): void {
	const { newest, lastCycle, lastError } = status;
	if (lastError !== null && lastError.at !== before.lastError?.at)
		progress.failed(`${name}: ${lastError.message} ${lastError.hint ?? ''}`);
	if (lastCycle === null || lastCycle.finishedAt === before.lastCycle?.finishedAt) return;
	if (lastCycle.needsDecision && lastCycle.summary !== before.lastCycle?.summary)
		progress.failed(`${name}: ${lastCycle.summary}`);
	if (newest === null || lastCycle.snapshotId !== newest.id || isTold(before, newest.id)) return;
	if (status.role === 'leader') {
		progress.done(`${name} published snapshot ${newest.id.slice(0, 8)}`);
		return;
	}
	const age = seconds(Date.parse(lastCycle.finishedAt) - Date.parse(newest.time));
	progress.done(`arrived on ${name} ${age} after it was published`);
	for (const line of lastCycle.details.slice(0, DETAILS_MAX))
		progress.line(`    ${progress.colour('dim', line)}`);
}

/** The newest snapshot is known a moment before the cycle that brought it has ended. */
function isTold({ newest, lastCycle }: Status, id: string): boolean {
	return newest?.id === id && lastCycle?.snapshotId === id;
}
