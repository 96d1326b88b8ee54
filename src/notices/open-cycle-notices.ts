import { isDeepStrictEqual } from 'node:util';
import type { UsableConfig } from '../config/load-config.ts';
import { maskSecrets } from '../log/secrets.ts';
import type { Log } from '../model/log.ts';
import { CycleNotices, type NoticeWays } from './cycle-notices.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createNotices } from './notices.ts';
import { createNtfyNudger } from './ntfy-nudger.ts';

/** Puts together what cycles are told to: people, replicas that listen to ntfy, and whoever watches replication. */
export function openCycleNotices(config: UsableConfig, log: Log): CycleNotices {
	const { notices, ...beside } = openWays(config, log);
	return new CycleNotices(notices, beside);
}

/**
 * Lets notices go where a configuration says that could not be read as a whole before. Where it says the same as before,
 * nothing changes: ways that are opened again do not know what they have told.
 */
export function readdressCycleNotices(
	notices: CycleNotices,
	parts: { readonly before: UsableConfig; readonly config: UsableConfig; readonly log: Log },
): void {
	const { before, config, log } = parts;
	if (!isDeepStrictEqual(addressesOf(before), addressesOf(config))) notices.readdress(openWays(config, log));
}

function addressesOf({ nudge, heartbeatUrl, fleet, hostname, ntfy }: UsableConfig): unknown {
	return { nudge, heartbeatUrl, fleet, hostname, ntfy };
}

function openWays(config: UsableConfig, log: Log): NoticeWays {
	const { nudge, heartbeatUrl, fleet, hostname, ntfy } = config;
	const { topic, isSeparate } = nudge;
	const nudgedFleet = topic === null || isSeparate ? null : fleet;
	return {
		notices: createNotices({ ntfy, hostname, log, mask: maskSecrets, nudgedFleet }),
		...(topic === null || !isSeparate ? {} : { nudger: createNtfyNudger({ topic, fleet, log }) }),
		...(heartbeatUrl === null
			? {}
			: { heartbeat: createHeartbeat({ url: heartbeatUrl, log, mask: maskSecrets }) }),
	};
}
