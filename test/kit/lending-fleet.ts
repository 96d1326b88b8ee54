import { expect } from 'vitest';
import type { Announcement } from '../../src/model/announcer.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import type { CycleReport } from '../../src/model/status.ts';
import { writeTree } from '../../src/snapshot/write-tree.ts';
import { type FleetMember, fleetMember, type MemberOptions } from './fleet-member.ts';
import { memoryRepository, memoryStore, type RepositoryCall } from './memory-repository.ts';

export const renameTo = (name: string) => `UPDATE monitor SET name = '${name}' WHERE id = 4`;
export const PAUSE = 'UPDATE monitor SET active = 0 WHERE id = 4';
export const RESUME = 'UPDATE monitor SET active = 1 WHERE id = 4';

/** A leader and replicas around one repository that fails for one of them, or for all, while a test wants it to. */
export async function lendingFleet() {
	const store = memoryStore();
	const unreachable = new Set<string>();
	const said: ('announced' | 'confirmed' | 'withdrawn')[] = [];
	let newest: Announcement | null = null;
	let whenAnnounced = async (): Promise<void> => undefined;
	let uptimeMs = 0;
	const repositoryOf = (name: string, after?: (call: RepositoryCall) => void) => {
		const before = () => {
			if (unreachable.has(name)) throw unreachableError();
		};
		return memoryRepository({ store, before, ...(after === undefined ? {} : { after }) });
	};
	const add = (name: string, options: Omit<MemberOptions, 'repository'>) =>
		fleetMember({ repository: repositoryOf(name), uptimeMs: () => uptimeMs, ...options });
	const leader = await add('leader', {
		mode: 'BACKUP',
		announcer: {
			announce: (announcement) => {
				newest = announcement;
				said.push('announced');
				void whenAnnounced();
			},
			confirm: () => said.push('confirmed'),
			withdraw: () => {
				newest = null;
				said.push('withdrawn');
			},
		},
	});
	await leader.cycle();
	const addReplica = async (name: string) => {
		const replica = await add(name, { mode: 'RESTORE', isEmpty: true });
		await replica.cycle();
		return replica;
	};
	const replica = await addReplica('replica');
	said.length = 0;
	return {
		store,
		said,
		leader,
		replica,
		addReplica,
		repositoryOf,
		announced: () => newest ?? expect.fail('nothing is announced'),
		onAnnounced: (listener: () => Promise<void>) => {
			whenAnnounced = listener;
		},
		cut: (...names: readonly string[]) => {
			for (const name of names) unreachable.add(name);
		},
		mend: () => unreachable.clear(),
		pass: (ms: number) => {
			uptimeMs += ms;
		},
		/** Edits the leader and has it lead, whether that fails or not. */
		edit: async (sql: string): Promise<string> => {
			leader.edit(sql);
			return outcomeOf(leader.cycle());
		},
	};
}

export function unreachableError(): ReplicatorError {
	return new ReplicatorError('The repository cannot be reached.', {
		code: 'repository-unreachable',
		isRetryable: true,
	});
}

export async function outcomeOf(cycle: Promise<CycleReport>): Promise<string> {
	try {
		return (await cycle).outcome;
	} catch (error) {
		return error instanceof ReplicatorError ? error.code : String(error);
	}
}

/** Puts what is announced into a replica's store, as the download from the leader does, and has it applied. */
export async function handOver(replica: FleetMember, announcement: Announcement): Promise<string> {
	const { place, manifest, tree } = announcement;
	const { digest } = place;
	const write = (directory: string) => writeTree({ directory, encoded: { tree }, manifest });
	await replica.instance.snapshots.keep({ digest, where: 'the leader', write });
	return outcomeOf(replica.followLeader(place));
}

export const monitor = async (member: FleetMember) => {
	const row = (await member.table('monitor')).find(({ id }) => String(id) === '4');
	return { name: row?.name, active: Number(row?.active) };
};
