import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openRole } from '../../src/daemon/open-role.ts';
import type { ActingRole } from '../../src/model/acting-role.ts';
import type { ReplicatorMode } from '../../src/model/role.ts';
import { type FleetMember, fleetMember } from '../kit/fleet-member.ts';
import { goodConfig } from '../kit/load-test-config.ts';
import { memoryRepository, memoryStore } from '../kit/memory-repository.ts';

const MEMBERS = 3;

/** Puts a role in the place of the one that a member has, which goes on with the same instance. */
function act({ instance }: FleetMember, mode: ReplicatorMode): ActingRole {
	const config = goodConfig({ REPLICATOR_MODE: mode });
	return openRole({ instance: { ...instance, mode }, config });
}

/** Which member leads next, and which monitor is renamed there. */
const turn = fc.record({
	leader: fc.nat({ max: MEMBERS - 1 }),
	monitor: fc.integer({ min: 1, max: 19 }),
});

test('roles are exchanged again and again while their instances go on, and nothing is lost', async () => {
	await fc.assert(
		fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 6 }), async (turns) => {
			const repository = memoryRepository({ store: memoryStore() });
			const members = await Promise.all(
				Array.from({ length: MEMBERS }, (_, index) =>
					fleetMember({ mode: index === 0 ? 'BACKUP' : 'RESTORE', repository }),
				),
			);
			const roles = members.map((member, index) => act(member, index === 0 ? 'BACKUP' : 'RESTORE'));
			let leading = 0;
			await roles[0]?.cycle();

			for (const [index, { leader, monitor }] of turns.entries()) {
				if (leader !== leading) {
					// What the old leader has is published; the new one is in sync before it leads.
					await roles[leading]?.cycle();
					await roles[leader]?.cycle();
					for (const [each, mode] of [
						[leading, 'RESTORE'],
						[leader, 'BACKUP'],
					] as const) {
						const member = members[each];
						if (member !== undefined) roles[each] = act(member, mode);
					}
					leading = leader;
				}
				members[leading]?.edit(`UPDATE monitor SET name = 'Turn ${index}' WHERE id = ${monitor}`);
				expect(await roles[leading]?.cycle()).toMatchObject({ outcome: 'published' });
				for (const role of roles) if (role.role === 'replica') await role.cycle();
			}

			const wanted = await members[leading]?.table('monitor');
			for (const member of members) {
				expect(await member.table('monitor')).toEqual(wanted);
				expect(member.state.position?.generation).toBe(turns.length + 1);
			}
			expect(roles.filter(({ role }) => role === 'leader')).toHaveLength(1);
		}),
		{ numRuns: 8 },
	);
});

test('a former leader that goes on being edited publishes nothing of it, and gets what the new leader has', async () => {
	const repository = memoryRepository({ store: memoryStore() });
	const first = await fleetMember({ mode: 'BACKUP', repository });
	const second = await fleetMember({ mode: 'RESTORE', repository });
	await act(first, 'BACKUP').cycle();
	await act(second, 'RESTORE').cycle();

	const [former, leader] = [act(first, 'RESTORE'), act(second, 'BACKUP')];
	first.edit("UPDATE monitor SET name = 'Too late' WHERE id = 4");
	second.edit("UPDATE monitor SET name = 'In time' WHERE id = 5");
	await leader.cycle();
	await former.cycle();

	await expect(former.backup({ takesOver: true, allowsDeletes: true, dropsHeld: [] })).rejects.toThrow(
		'This instance is a replica (REPLICATOR_MODE=RESTORE) and publishes nothing.',
	);
	expect(await first.table('monitor')).toEqual(await second.table('monitor'));
	expect(JSON.stringify(await first.table('monitor'))).not.toContain('Too late');
});
