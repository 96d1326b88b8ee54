import type { Config } from '../config/load-config.ts';
import type { FleetKey } from '../http/fleet-key.ts';
import type { Metrics } from '../http/metrics.ts';
import type { SnapshotHint } from '../http/snapshot-hint.ts';
import type { PublishOutcome } from '../leader/publish-cycle.ts';
import type { Announcement, Announcer } from '../model/announcer.ts';
import type { SnapshotStore } from '../model/instance.ts';
import type { LineagePlace, Repository } from '../model/lineage.ts';
import type { Log } from '../model/log.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import { roleOf } from '../model/role.ts';
import type { Status } from '../model/status.ts';
import type { RestoreOutcome } from '../replica/restore-cycle.ts';

/** What this instance has to do with others over HTTP. Of what is not configured, nothing is loaded. */
export interface FleetHttp {
	readonly announcer: Announcer | null;
	readonly metrics: Metrics | null;
	/** Counts what a cycle came to. */
	observe(outcome: PublishOutcome | RestoreOutcome): void;
	/** Whether the leader is heard; null where nobody listens to it. */
	leader(): Status['leader'];
	close(): Promise<void>;
}

export interface FleetHttpParts {
	readonly config: Config;
	readonly log: Log;
	readonly repository: Repository;
	readonly snapshots: SnapshotStore;
	readonly status: () => Status;
	/** There may be a new snapshot in the repository. */
	readonly onNudge: () => void;
	/** The leader handed a snapshot over itself: it is kept here now, and may be applied. */
	readonly onHandedOver: (place: LineagePlace) => void;
	/** The leader cannot be heard any more, or from the start. Once, until it is back. */
	readonly onLeaderLost: (reason: string) => void;
	readonly onLeaderBack: () => void;
	/** Runs work when no cycle runs. */
	readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>;
}

/** Starts what REPLICATOR_LISTEN and REPLICATOR_LEADER_URL ask for. @throws ReplicatorError `configuration-invalid` when it cannot listen there. */
export async function openFleetHttp(parts: FleetHttpParts): Promise<FleetHttp> {
	const server = await openServer(parts);
	const stream = await openStream(parts);
	return {
		announcer: server?.announcer ?? null,
		metrics: server?.metrics ?? null,
		observe: (outcome) => {
			if (server === null) return;
			if (outcome.outcome === 'applied') {
				server.metrics.observeApply(outcome.plan.changes);
				server.metrics.observeReload(outcome.reload);
			}
			void observeRows(parts, server.metrics, outcome);
		},
		leader: () => stream?.leader() ?? null,
		close: async () => {
			await stream?.stop();
			await server?.close();
		},
	};
}

/** How many rows there are, the snapshot tells that this instance holds after the cycle. */
async function observeRows(
	{ snapshots, log }: FleetHttpParts,
	metrics: Metrics,
	outcome: PublishOutcome | RestoreOutcome,
): Promise<void> {
	const digest = heldDigest(outcome);
	if (digest === null) return;
	try {
		const snapshot = await snapshots.load(digest);
		if (snapshot !== null) metrics.observeRows(snapshot.manifest.tables);
	} catch (error) {
		log.debug('The rows could not be counted', { error });
	}
}

function heldDigest(outcome: PublishOutcome | RestoreOutcome): string | null {
	if (outcome.outcome === 'published') return outcome.snapshot.digest;
	const isHeld = outcome.outcome === 'applied' || outcome.outcome === 'unchanged';
	return isHeld ? outcome.head.digest : null;
}

async function openServer(parts: FleetHttpParts) {
	const { config, log, status } = parts;
	if (config.listen === null) return null;
	const [{ servePublic }, { createMetrics }, { SnapshotFeed }, { judgeHealth }] = await Promise.all([
		import('../http/public-server.ts'),
		import('../http/metrics.ts'),
		import('../http/snapshot-feed.ts'),
		import('../http/health.ts'),
	]);
	const feed = roleOf(config.mode) === 'leader' ? new SnapshotFeed() : null;
	const metrics = createMetrics({ status, eventClientCount: () => server.eventClientCount });
	const startedAt = Date.now();
	const server = await servePublic({
		listen: config.listen,
		token: config.token,
		status,
		health: () =>
			judgeHealth({ status: status(), startedAt, now: Date.now(), intervalMs: config.intervalMs }),
		metrics,
		feed,
		log,
	});
	log.info('Answering over HTTP', { url: server.url });
	return {
		metrics,
		announcer: feed === null ? null : await openAnnouncer(parts, feed),
		close: () => server.close(),
	};
}

async function openAnnouncer(
	{ config, repository }: FleetHttpParts,
	feed: import('../http/snapshot-feed.ts').SnapshotFeed,
): Promise<Announcer> {
	const { sealSnapshot } = await import('../snapshot/seal.ts');
	const key = await openFleetKey({ config, repository });
	const seal = (announcement: Announcement) => async () =>
		sealSnapshot({ ...announcement, fleet: config.fleet, key: await key.get() });
	const tell = (announcement: Announcement, isKept: boolean) => {
		const { generation, digest } = announcement.place;
		feed.announce({ generation, digest, isKept }, seal(announcement));
	};
	return {
		announce: (announcement) => tell(announcement, false),
		confirm: (announcement) => {
			tell(announcement, true);
			prepareKey(key);
		},
		withdraw: (digest) => feed.withdraw(digest),
	};
}

async function openStream(parts: FleetHttpParts) {
	const { config, log, repository, snapshots } = parts;
	const { leaderUrl: url, token, fleet } = config;
	if (url === null || roleOf(config.mode) === 'leader') return null;
	const [{ LeaderStream }, { openLeaderContent }, { followNewest }] = await Promise.all([
		import('../http/leader-stream.ts'),
		import('../http/leader-content.ts'),
		import('../http/follow-newest.ts'),
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

	/** What the leader hands over is here before the repository has it. @returns whether the leader did so, or had to. */
	async function fetchAhead({ digest }: SnapshotHint): Promise<boolean> {
		try {
			if ((await snapshots.load(digest)) !== null) return true;
			let place = null as LineagePlace | null;
			const write = async (directory: string) => {
				place = await content.fetchContent({ digest, directory });
			};
			await snapshots.keep({ digest, where: 'the leader', write });
			log.debug('Fetched a snapshot from the leader itself', { digest });
			if (place !== null) parts.onHandedOver(place);
			return true;
		} catch (error) {
			if (signal.aborted) return false;
			// Whatever it is, the repository has the snapshot, or will; a bug is told louder.
			const write = isReplicatorError(error) ? log.debug : log.error;
			write('The leader did not hand the snapshot over; the repository does', { error });
			return false;
		}
	}

	// Between cycles; whatever the leader tells, each cycle has its turn.
	const hints = followNewest<SnapshotHint>({ follow: (hint) => parts.inTurn(() => fetchAhead(hint)) });
	const stream = new LeaderStream({
		url,
		token,
		log,
		onLeaderLost: parts.onLeaderLost,
		onLeaderBack: parts.onLeaderBack,
		onSnapshot: (hint) => {
			hints.follow(hint);
			if (hint.isKept) parts.onNudge();
		},
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
		import('../http/fleet-key.ts'),
		import('../repository/repository-password.ts'),
	]);
	return createFleetKey({
		password: () => readRepositoryPassword(config.repository.environment),
		repositoryId: () => repository.id(),
	});
}
