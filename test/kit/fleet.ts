import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Status } from '../../src/model/status.ts';
import { prepareReplicator, type Replicator, type ReplicatorOptions } from './replicator.ts';
import { makeWeakRepository } from './weak-repository.ts';

/** What the times in a status may be off by. */
const ROUNDED_MS = 2;

type MemberOptions = Omit<ReplicatorOptions, 'repository' | 'mode'>;

/** A leader and its replicas around one repository, real ones all of them. */
export interface Fleet<Name extends string> {
	readonly leader: Replicator;
	readonly replicas: Readonly<Record<Name, Replicator>>;
	/** Asks the leader to publish what was edited, if it has not done so by itself. @returns its status after it. */
	publish(): Promise<Status>;
	/** Asks every replica to look, and waits until all have applied what the leader published last. */
	follow(): Promise<Status[]>;
	discard(): Promise<void>;
}

/** Makes a fleet that is to be started. */
export async function prepareFleet<Name extends string>(options: {
	/** RESTIC_REPOSITORY; when not given, an empty one in a local folder, whose key costs nothing. */
	readonly repository?: string;
	readonly leader: MemberOptions;
	readonly replicas: Readonly<
		Record<Name, MemberOptions & { readonly mode: 'RESTORE' | 'RESTORE_LOCAL_ENTITY_REPLICATION' }>
	>;
}): Promise<Fleet<Name>> {
	const folder = await mkdtemp(join(tmpdir(), 'replicator-kuma-repository-'));
	if (options.repository === undefined) await makeWeakRepository(folder);
	const repository = options.repository ?? folder;
	const prepare = (hostname: string, member: MemberOptions & Pick<ReplicatorOptions, 'mode'>) =>
		prepareReplicator({ repository, hostname, ...member });
	const leader = await prepare('leader', { ...options.leader, mode: 'BACKUP' });
	const replicas = {} as Record<Name, Replicator>;
	for (const name of Object.keys(options.replicas) as Name[])
		replicas[name] = await prepare(name, options.replicas[name]);
	const followers = Object.values<Replicator>(replicas);
	return {
		leader,
		replicas,
		publish: async () => {
			const askedAtMs = Date.now();
			leader.wake();
			return leader.waitForStatus('a good cycle that began after the edit', ({ lastCycle, lastError }) => {
				if (lastCycle === null || lastError !== null) return false;
				const { outcome, finishedAt, durationMs } = lastCycle;
				const hasSeenAll = Date.parse(finishedAt) - durationMs >= askedAtMs - ROUNDED_MS;
				return hasSeenAll && (outcome === 'published' || outcome === 'unchanged');
			});
		},
		follow: async () => {
			const head = (await leader.status()).newest?.id;
			return Promise.all(
				followers.map((replica) => {
					replica.wake();
					return replica.waitForStatus(
						'the leader applied',
						({ applied, kuma, lastCycle }) =>
							applied?.id === head && lastCycle?.snapshotId === head && kuma.state === 'running',
					);
				}),
			);
		},
		discard: async () => {
			await Promise.all([leader, ...followers].map((member) => member.discard()));
			await rm(folder, { recursive: true, force: true });
		},
	};
}
