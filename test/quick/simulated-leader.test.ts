import { test, vi } from 'vitest';
import { ONE_LEADER, simulate } from '../kit/simulate-fleet.ts';

/*
 * The same fleet, in which nobody else is ever made the leader, and replicas end no loan by themselves, as those of
 * version 0.1.0: what the leader has announced, it alone must bring to an end.
 */

const disk = await vi.hoisted(async () => (await import('../kit/memory-files.ts')).memoryDisk());
vi.mock('node:fs/promises', () => ({ ...disk.files, default: disk.files }));

test(
	'a leader that stays the leader brings everybody back, whatever replicas know of loans',
	{
		timeout: 3_600_000,
	},
	() => simulate({ script: ONE_LEADER, disk, areReplicasTrusting: true }),
);
