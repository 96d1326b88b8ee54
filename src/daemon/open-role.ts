import type { Config } from '../config/load-config.ts';
import { Leader, type LeaderParts } from '../leader/leader.ts';
import type { ActingRole } from '../model/acting-role.ts';
import { roleOf } from '../model/role.ts';
import { Replica } from '../replica/replica.ts';

/** @returns the role that REPLICATOR_MODE gives an instance. */
export function openRole({
	config,
	...parts
}: Omit<LeaderParts, 'guard' | 'retention'> & { readonly config: Config }): ActingRole {
	const { guard, retention, mode } = config;
	return roleOf(mode) === 'leader'
		? new Leader({ ...parts, guard, retention })
		: new Replica({ ...parts, guard });
}
