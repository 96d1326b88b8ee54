import type { Config } from '../config/load-config.ts';
import type { PublishedSnapshot } from '../model/lineage.ts';
import { roleOf } from '../model/role.ts';
import type { InstanceState } from '../model/state.ts';
import type { Status } from '../model/status.ts';
import { isAheadOf } from '../replica/position.ts';
import type { LastCycles } from './cycle-memory.ts';
import { PRODUCT_VERSION } from './product-version.ts';
import { missingCapabilities, type SupervisedKuma } from './supervised-kuma.ts';

/** What a status is made of; what the service remembers of its cycles stands in it as it is. */
type StatusParts = Pick<Status, 'repository' | 'leader' | 'restic'> &
	LastCycles & {
		readonly config: Config;
		readonly kumaVersion: string | null;
		readonly state: InstanceState;
		/** The newest snapshot that was seen in the repository. */
		readonly newest: PublishedSnapshot | null;
		readonly supervised: SupervisedKuma | null;
	};

/** @returns what an instance is and does, as of now. */
export function makeStatus(parts: StatusParts): Status {
	const { config, state, newest } = parts;
	return {
		productVersion: PRODUCT_VERSION,
		mode: config.mode,
		role: roleOf(config.mode),
		hostname: config.hostname,
		instanceId: state.instanceId,
		fleet: config.fleet,
		repository: parts.repository,
		newest: newest === null ? null : toNewest(newest),
		applied: state.position,
		lagMs: newest === null ? null : lagMs(newest, state),
		kuma: toKuma(parts),
		leader: parts.leader,
		restic: parts.restic,
		heldRows: state.heldRows,
		remarks: state.remarks,
		lastCycle: parts.lastCycle,
		lastSuccessAt: parts.lastSuccessAt,
		lastError: parts.lastError,
	};
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
	const hello = supervised?.agent.hello ?? null;
	return {
		state: supervised?.supervisor.state ?? 'stopped',
		version: kumaVersion,
		pid: supervised?.supervisor.pid ?? null,
		restarts: supervised?.supervisor.restartCount ?? 0,
		agent: { isConnected: hello !== null, missing: hello === null ? {} : missingCapabilities(hello) },
	};
}
