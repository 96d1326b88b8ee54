import { expect, test } from 'vitest';
import { fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository, memoryStore } from '../kit/memory-repository.ts';

test.each(['BACKUP', 'RESTORE'] as const)(
	'an older snapshot that is restored in the mode %s is not taken for the newest one',
	async (mode) => {
		const repository = memoryRepository({ store: memoryStore() });
		const leader = await fleetMember({ mode: 'BACKUP', repository });
		const { snapshotId: older } = await leader.cycle();
		leader.edit("UPDATE monitor SET name = 'Edited' WHERE id = 4");
		const { snapshotId: newest } = await leader.cycle();
		const member = mode === 'BACKUP' ? leader : await fleetMember({ mode, repository });
		if (mode === 'RESTORE') await member.cycle();

		const restored = await member.restore({ snapshotId: older ?? '', allowsDeletes: true });

		expect(restored).toMatchObject({ outcome: 'applied', snapshotId: older });
		expect(member.state.position?.id).toBe(older);
		expect(member.newest?.id).toBe(newest);
	},
);
