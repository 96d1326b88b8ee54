/** What an instance does, as the original names it in REPLICATOR_MODE. */
export const REPLICATOR_MODES = ['BACKUP', 'RESTORE', 'RESTORE_LOCAL_ENTITY_REPLICATION'] as const;
export type ReplicatorMode = (typeof REPLICATOR_MODES)[number];

export type Role = 'leader' | 'replica';

/** @returns the role that a mode stands for. */
export function roleOf(mode: ReplicatorMode): Role {
	return mode === 'BACKUP' ? 'leader' : 'replica';
}
