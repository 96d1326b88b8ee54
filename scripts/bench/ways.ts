import { freePort } from '../../test/kit/free-port.ts';
import { openNtfyServer } from '../../test/kit/open-ntfy-server.ts';
import type { BenchRun } from './bench-run.ts';
import { openGateProxy } from './gate-proxy.ts';

const TOKEN = 'a-token-for-the-bench-0123456789';

export type Way = 'stream' | 'ntfy' | 'direct';

export const WAY_NAMES: Readonly<Record<Way, string>> = {
	stream: "restic, nudged by the leader's stream",
	ntfy: 'restic, nudged over ntfy',
	direct: 'direct delivery',
};

type Variables = Readonly<Record<string, string>>;

/** @returns how leader and replicas are set up so that changes take that way. */
export async function openWay(run: BenchRun, way: Way): Promise<{ leader: Variables; replica: Variables }> {
	const nudge = { REPLICATOR_NUDGE: 'on' };
	if (way === 'ntfy') {
		const ntfy = await openNtfyServer();
		run.ends(() => ntfy.stop());
		const both = { ...nudge, NTFY_URL: `${ntfy.url}/fleet` };
		return { leader: both, replica: both };
	}
	const port = await freePort();
	const gate = way === 'stream' ? await openGateProxy(port) : null;
	if (gate !== null) run.ends(() => gate.close());
	const both = { ...nudge, REPLICATOR_TOKEN: TOKEN };
	return {
		leader: { ...both, REPLICATOR_LISTEN: `127.0.0.1:${port}` },
		replica: { ...both, REPLICATOR_LEADER_URL: gate?.url ?? `http://127.0.0.1:${port}` },
	};
}
