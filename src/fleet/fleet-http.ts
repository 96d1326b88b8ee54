import type { Config } from '../config/load-config.ts';
import type { Announcement, Announcer, LeaderStanding } from '../model/announcer.ts';
import type { SnapshotStore, StateStore } from '../model/instance.ts';
import type { LineagePlace, Repository } from '../model/lineage.ts';
import type { Log } from '../model/log.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import { roleOf } from '../model/role.ts';
import type { Status } from '../model/status.ts';
import type { FleetKey } from './fleet-key.ts';
import type { SnapshotFeed } from './snapshot-feed.ts';
import type { SnapshotHint } from './snapshot-hint.ts';

/** What replication has to do with others over HTTP. Of what is not configured, nothing is loaded. */
export interface FleetHttp {
	readonly announcer: Announcer | null;
	/** Whether the leader is heard; null where nobody listens to it. */
	leader(): Status['leader'];
	close(): Promise<void>;
}

export interface FleetHttpParts {
	readonly config: Config;
	readonly log: Log;
	readonly repository: Repository;
	readonly snapshots: SnapshotStore;
	readonly state: StateStore;
	/** What answers others; null where nothing does. */
	readonly feed: SnapshotFeed | null;
	/** There may be a new snapshot in the repository. */
	readonly onNudge: () => void;
	/** The leader handed a snapshot over itself: it is kept here now, and may be applied. */
	readonly onHandedOver: (place: LineagePlace) => void;
	/** The leader says which snapshot it stands by. Also at each connect. */
	readonly onStanding: (standing: LeaderStanding) => void;
	/** The leader cannot be heard any more, or from the start. Once, until it is back. */
	readonly onLeaderLost: (reason: string) => void;
	readonly onLeaderBack: () => void;
	/** Runs work when no cycle runs. */
	readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>;
}

/** Starts what a leader announces to who listens at REPLICATOR_LISTEN, and what a replica hears at REPLICATOR_LEADER_URL. */
export async function openFleetHttp(parts: FleetHttpParts): Promise<FleetHttp> {
	const { feed } = parts;
	const stream = await openStream(parts);
	return {
		announcer: feed === null ? null : await openAnnouncer(parts, feed),
		leader: () => stream?.leader() ?? null,
		close: async () => stream?.stop(),
	};
}

async function openAnnouncer(
	{ config, repository, state }: FleetHttpParts,
	feed: SnapshotFeed,
): Promise<Announcer> {
	const { instanceId, announced } = state.read();
	feed.begin({ instanceId, isOpen: announced !== null });
	const { sealSnapshot } = await import('../snapshot/sealed/seal.ts');
	const key = await openFleetKey({ config, repository });
	const seal = (announcement: Announcement) => async () =>
		sealSnapshot({ ...announcement, fleet: config.fleet, key: await key.get() });
	const tell = (announcement: Announcement, isKept: boolean) => {
		const { generation, digest, instanceId } = announcement.place;
		feed.announce({ generation, digest, isKept, instanceId }, seal(announcement));
	};
	return {
		announce: (announcement) => tell(announcement, false),
		confirm: (announcement) => {
			tell(announcement, true);
			prepareKey(key);
		},
		withdraw: () => feed.withdraw(),
	};
}

async function openStream(parts: FleetHttpParts) {
	const { config, log, repository, state } = parts;
	const { leaderUrl: url, token, fleet } = config;
	if (url === null || roleOf(config.mode) === 'leader') return null;
	const [{ LeaderStream }, { openLeaderContent }, { fetchAhead }, { followNewest }] = await Promise.all([
		import('./leader-stream.ts'),
		import('./leader-content.ts'),
		import('./fetch-ahead.ts'),
		import('./follow-newest.ts'),
	]);
	const ending = new AbortController();
	const { signal } = ending;
	const key = await openFleetKey({ config, repository });
	prepareKey(key);
	const content = openLeaderContent({
		url,
		token,
		fleet,
		key,
		signal,
	});

	// Between cycles; whatever the leader tells, each cycle has its turn.
	const ahead = { ...parts, content, signal, position: () => state.read().position };
	const hints = followNewest<SnapshotHint>({
		follow: (hint) => parts.inTurn(() => fetchAhead(hint, ahead)),
		onError: (error) => {
			// A stop gives up whatever has its turn, or waits for one.
			const write = isReplicatorError(error, 'interrupted') ? log.debug : log.warning;
			write('A snapshot could not be fetched from the leader itself; the repository has it, or will', {
				error,
			});
		},
	});
	const stream = new LeaderStream({
		url,
		token,
		log,
		onLeaderLost: parts.onLeaderLost,
		onLeaderBack: parts.onLeaderBack,
		onSnapshot: (hint) => {
			parts.onStanding({ instanceId: hint.instanceId ?? null, digest: hint.digest });
			hints.follow(hint);
			if (hint.isKept) parts.onNudge();
		},
		onWithdrawn: ({ instanceId }) => parts.onStanding({ instanceId, digest: null }),
	});
	stream.start();
	return {
		leader: () => ({ url, isConnected: stream.isConnected, reason: stream.lostReason }),
		stop: async () => {
			ending.abort();
			hints.stop();
			await stream.stop();
		},
	};
}

/** Makes the key before it is needed, for that takes a second. Whoever needs it is told what is wrong with it. */
function prepareKey(key: FleetKey): void {
	key.get().catch(() => undefined);
}

async function openFleetKey({ config, repository }: Pick<FleetHttpParts, 'config' | 'repository'>) {
	const [{ createFleetKey }, { readRepositoryPassword }] = await Promise.all([
		import('./fleet-key.ts'),
		import('../repository/repository-password.ts'),
	]);
	return createFleetKey({
		password: () => readRepositoryPassword(config.repository.environment),
		repositoryId: () => repository.id(),
	});
}
