import type { Status } from '../../src/model/status.ts';

/** The status of a replica that has just started, unless told otherwise. */
export function testStatus(change: Partial<Status> = {}): Status {
	return {
		productVersion: '1.2.3',
		mode: 'RESTORE',
		role: 'replica',
		hostname: 'a "quoted" host',
		instanceId: 'instance-1',
		fleet: 'default',
		repository: '/srv/repository',
		replication: { state: 'working', trouble: null },
		troubles: [],
		unexpectedErrors: { count: 0, last: null },
		newest: null,
		applied: null,
		lagMs: null,
		kuma: {
			state: 'running',
			version: null,
			pid: 1,
			restarts: 2,
			agent: { isConnected: false, missing: {}, problems: [] },
			beats: { state: 'beating', monitors: 1, lastBeatAt: null, lastError: null },
		},
		leader: null,
		restic: { calls: 0, failedCalls: 0, totalMs: 0, last: null },
		heldRows: [],
		remarks: [],
		lastCycle: null,
		lastSuccessAt: null,
		lastError: null,
		...change,
	};
}
