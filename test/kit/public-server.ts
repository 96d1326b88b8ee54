import { onTestFinished } from 'vitest';
import { SnapshotFeed } from '../../src/fleet/snapshot-feed.ts';
import type { SnapshotHint } from '../../src/fleet/snapshot-hint.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { type PublicServer, type PublicServerOptions, servePublic } from '../../src/http/public-server.ts';
import { SILENT_LOG } from './test-instance.ts';
import { testStatus } from './test-status.ts';

export const TEST_TOKEN = 'a-token-for-tests-0123456789';

export interface TestPublicServer extends PublicServer {
	readonly feed: SnapshotFeed;
	readonly port: number;
	/** Asks with the token, unless told otherwise. */
	ask(path: string, init?: RequestInit): Promise<Response>;
}

/** A leader's server on loopback, which ends with the test. */
export async function publicServer(
	options: Partial<PublicServerOptions> & { readonly port?: number } = {},
): Promise<TestPublicServer> {
	const { port = 0, ...others } = options;
	const feed = new SnapshotFeed();
	feed.begin({ instanceId: 'leader', isOpen: false });
	const status = () => testStatus();
	const server = await servePublic({
		listen: { host: '127.0.0.1', port },
		token: TEST_TOKEN,
		status,
		health: () => ({ isHealthy: true }),
		metrics: createMetrics({ status, eventClientCount: () => 0 }),
		feed,
		log: SILENT_LOG,
		...others,
	});
	onTestFinished(() => server.close());
	return {
		url: server.url,
		get eventClientCount() {
			return server.eventClientCount;
		},
		close: () => server.close(),
		feed,
		port: Number(new URL(server.url).port),
		ask: (path, init) =>
			fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${TEST_TOKEN}` }, ...init }),
	};
}

/** A hint at a snapshot that nobody has. */
export function testHint(generation: number, change: Partial<SnapshotHint> = {}): SnapshotHint {
	return { generation, digest: `${generation}`.padStart(64, '0'), isKept: false, ...change };
}
