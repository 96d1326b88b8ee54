import { describe, expect, test } from 'vitest';
import { delegateRepository } from '../kit/delegate-repository.ts';
import type { FleetMember } from '../kit/fleet-member.ts';
import { memoryRepository, memoryStore } from '../kit/memory-repository.ts';
import { expectOneWinner, type Place, twoLeaders } from '../kit/two-leaders.ts';

function inMemory(): Place {
	const store = memoryStore();
	return { open: async (options) => memoryRepository({ store, ...options }) };
}

async function nameOnReplica(replica: FleetMember): Promise<unknown> {
	return (await replica.table('monitor')).find(({ id }) => id === 4)?.name;
}

const AT = Date.UTC(2026, 10, 24);

describe('two leaders that publish at the same moment', () => {
	test('find one winner on every instance, and the other stands down', () => expectOneWinner(inMemory()));

	test('settle on the older one when it shows up later, and a replica changes over once', async () => {
		const place = inMemory();
		const { left, right, replica } = await twoLeaders(place);
		const late = await place.open({ now: () => AT });
		await left.restart({ repository: await place.open({ now: () => AT + 1_000 }) });
		const { promise: rightHasListed, resolve: tellListed } = Promise.withResolvers<void>();
		const { promise: leftIsDone, resolve: tellDone } = Promise.withResolvers<void>();
		await right.restart({
			mode: 'BACKUP',
			repository: {
				...delegateRepository(late),
				publish: async (publication) => {
					tellListed();
					await leftIsDone;
					return late.publish(publication);
				},
			},
		});

		const rightCycle = right.cycle();
		await rightHasListed;
		const leftReport = await left.cycle();
		await replica.cycle();
		const names = [await nameOnReplica(replica)];
		tellDone();
		const rightReport = await rightCycle;
		await replica.cycle();
		names.push(await nameOnReplica(replica));
		const leftAgain = await left.cycle();
		await replica.restart();
		await replica.cycle();
		names.push(await nameOnReplica(replica));

		expect([leftReport, rightReport, leftAgain].map(({ outcome }) => outcome)).toEqual([
			'published',
			'published',
			'stood-down',
		]);
		expect(names).toEqual(['left', 'right', 'right']);
	});
});
