import { test, vi } from 'vitest';
import { CHANGING_LEADERS, simulate } from '../kit/simulate-fleet.ts';

/*
 * A fleet of four members around one repository, with the product's own cycles, plans and feed; the database, the disk,
 * the network and time are in memory. Edits, failures of each call, deaths between any two calls, lost connections,
 * promotions and two leaders for a while: when all that has ended and the person has one leader, everybody holds the
 * same, nobody is ahead of the repository, and nothing that a leader called published is lost.
 */

const disk = await vi.hoisted(async () => (await import('../kit/memory-files.ts')).memoryDisk());
vi.mock('node:fs/promises', () => ({ ...disk.files, default: disk.files }));

test(
	'whoever leads, all are equal in the end, and nobody is ahead of the repository',
	{
		timeout: 3_600_000,
	},
	() => simulate({ script: CHANGING_LEADERS, disk, areReplicasTrusting: false }),
);
