import type { UsableConfig } from '../config/load-config.ts';
import type { SnapshotFeed } from '../fleet/snapshot-feed.ts';
import type { Log } from '../model/log.ts';
import { roleOf } from '../model/role.ts';
import type { Status } from '../model/status.ts';
import type { Metrics } from './metrics.ts';
import type { PublicServer } from './public-server.ts';

/** What this instance shows to others over HTTP, whether replication works or not. */
export interface HttpSurface {
	readonly metrics: Metrics;
	/** What this leader announces; null on a replica, which has no events. */
	readonly feed: SnapshotFeed | null;
	/**
	 * Begins to answer.
	 * @throws ReplicatorError `configuration-invalid` when it cannot listen there.
	 */
	listen(config: Pick<UsableConfig, 'listen' | 'token'>): Promise<void>;
	close(): Promise<void>;
}

/** Puts together what answers at REPLICATOR_LISTEN, and loads nothing where that is not set. */
export async function openHttpSurface(parts: {
	readonly config: UsableConfig;
	readonly status: () => Status;
	readonly log: Log;
}): Promise<HttpSurface | null> {
	const { config, status, log } = parts;
	if (config.listen === null) return null;
	const [{ servePublic }, { createMetrics }, { SnapshotFeed }, { judgeHealth }] = await Promise.all([
		import('./public-server.ts'),
		import('./metrics.ts'),
		import('../fleet/snapshot-feed.ts'),
		import('./health.ts'),
	]);
	const feed = config.mode !== null && roleOf(config.mode) === 'leader' ? new SnapshotFeed() : null;
	let server: PublicServer | null = null;
	const metrics = createMetrics({ status, eventClientCount: () => server?.eventClientCount ?? 0 });
	const startedAt = Date.now();
	return {
		metrics,
		feed,
		async listen({ listen, token }) {
			if (listen === null) return;
			server = await servePublic({
				listen,
				token,
				status,
				health: () =>
					judgeHealth({ status: status(), startedAt, now: Date.now(), intervalMs: config.intervalMs }),
				metrics,
				feed,
				log,
			});
			log.info('Answering over HTTP', { url: server.url });
		},
		close: async () => server?.close(),
	};
}
