import type { UsableConfig } from '../../config/load-config.ts';
import { isAheadOf } from '../../lineage/position.ts';
import { maskSecrets } from '../../log/secrets.ts';
import type { PublishedSnapshot } from '../../model/lineage.ts';
import { PRODUCT_VERSION } from '../../model/product-version.ts';
import { roleOf } from '../../model/role.ts';
import type { InstanceState } from '../../model/state.ts';
import type { Status } from '../../model/status.ts';
import { missingCapabilities, type SupervisedKuma } from '../kuma/supervised-kuma.ts';
import type { Replication } from '../replication.ts';
import type { LastCycles } from './cycle-memory.ts';

/** What a status is made of. */
interface StatusParts extends Pick<Status, 'troubles' | 'unexpectedErrors'> {
	readonly config: UsableConfig;
	readonly kumaVersion: string | null;
	readonly supervised: SupervisedKuma;
	/** Null while it is starting, or down. */
	readonly replication: Replication | null;
}

const NO_CYCLES: LastCycles = { lastCycle: null, lastSuccessAt: null, lastError: null };
const NO_CALLS: Status['restic'] = { calls: 0, failedCalls: 0, totalMs: 0, last: null };

/** @returns what an instance is and does, as of now. */
export function makeStatus(parts: StatusParts): Status {
	const { config, replication, troubles } = parts;
	const state = replication?.state ?? null;
	const newest = replication?.newest ?? null;
	return {
		productVersion: PRODUCT_VERSION,
		mode: config.mode,
		role: config.mode === null ? null : roleOf(config.mode),
		hostname: config.hostname,
		instanceId: state?.instanceId ?? null,
		fleet: config.fleet,
		repository: replication?.repositoryLocation ?? null,
		replication: toReplication(parts),
		troubles: troubles.filter(({ part }) => part !== 'replication'),
		unexpectedErrors: parts.unexpectedErrors,
		newest: newest === null ? null : toNewest(newest),
		applied: state?.position ?? null,
		lagMs: newest === null || state === null ? null : lagMs(newest, state),
		kuma: toKuma(parts),
		leader: replication?.leader() ?? null,
		restic: replication?.restic ?? NO_CALLS,
		heldRows: state?.heldRows ?? [],
		remarks: state?.remarks ?? [],
		...(replication?.last ?? NO_CYCLES),
	};
}

function toReplication({ replication, troubles }: StatusParts): Status['replication'] {
	if (replication !== null) return { state: 'working', trouble: null };
	const trouble = troubles.find(({ part }) => part === 'replication') ?? null;
	return { state: trouble === null ? 'starting' : 'down', trouble };
}

function toNewest({ id, generation, digest, time, hostname }: PublishedSnapshot): Status['newest'] {
	return { id, generation, digest, time, hostname };
}

function lagMs(newest: PublishedSnapshot, { position }: InstanceState): number {
	// Ahead of the repository is not behind it.
	const isApplied = position?.id === newest.id || isAheadOf(position, newest);
	return isApplied ? 0 : Math.max(0, Date.now() - Date.parse(newest.time));
}

function toKuma({ supervised, kumaVersion }: StatusParts): Status['kuma'] {
	const { supervisor, agent } = supervised;
	const { hello } = agent;
	return {
		state: supervisor.state,
		version: kumaVersion,
		pid: supervisor.pid,
		restarts: supervisor.restartCount,
		agent: {
			isConnected: hello !== null,
			missing: hello === null ? {} : missingCapabilities(hello),
			problems: hello?.problems.map(maskSecrets) ?? [],
		},
		beats: supervised.beats.status,
	};
}
