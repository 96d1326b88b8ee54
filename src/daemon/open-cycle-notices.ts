import type { Config } from '../config/load-config.ts';
import type { Log } from '../model/log.ts';
import { createHeartbeat } from '../signals/heartbeat.ts';
import { createNotices } from '../signals/notices.ts';
import { createNtfyNudger } from '../signals/ntfy-nudger.ts';
import { CycleNotices } from './cycle-notices.ts';
import { maskSecrets } from './secrets.ts';

/** Puts together what cycles are told to: people, replicas that listen to ntfy, and whoever watches replication. */
export function openCycleNotices(config: Config, log: Log): CycleNotices {
	const { nudge, heartbeatUrl, fleet, hostname, ntfy } = config;
	const { topic, isSeparate } = nudge;
	const nudgedFleet = topic === null || isSeparate ? null : fleet;
	const notices = createNotices({ ntfy, hostname, log, mask: maskSecrets, nudgedFleet });
	return new CycleNotices(notices, {
		...(topic === null || !isSeparate ? {} : { nudger: createNtfyNudger({ topic, fleet, log }) }),
		...(heartbeatUrl === null
			? {}
			: { heartbeat: createHeartbeat({ url: heartbeatUrl, log, mask: maskSecrets }) }),
	});
}
