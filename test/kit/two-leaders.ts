import { expect } from 'vitest';
import type { PublishedSnapshot, Repository } from '../../src/model/lineage.ts';
import { delegateRepository } from './delegate-repository.ts';
import { type FleetMember, fleetMember } from './fleet-member.ts';

/** Where several instances reach one repository. */
export interface Place {
	open(options?: { readonly now?: () => number }): Promise<Repository>;
}

/** Two leaders that both hold the head, as after a promotion that nobody told the old leader of. */
export async function twoLeaders(
	place: Place,
): Promise<{ left: FleetMember; right: FleetMember; replica: FleetMember }> {
	const left = await fleetMember({ mode: 'BACKUP', repository: await place.open() });
	await left.cycle();
	const right = await fleetMember({ mode: 'RESTORE', repository: await place.open(), isEmpty: true });
	await right.cycle();
	const replica = await fleetMember({ mode: 'RESTORE', repository: await place.open(), isEmpty: true });
	await replica.cycle();
	left.edit("UPDATE monitor SET name = 'left' WHERE id = 4");
	right.edit("UPDATE monitor SET name = 'right' WHERE id = 4");
	return { left, right, replica };
}

/** Two leaders publish at the same moment: every instance must find the same winner, and the other must stand down. */
export async function expectOneWinner(place: Place): Promise<void> {
	const { left, right, replica } = await twoLeaders(place);
	const meet = meeting(2);
	const repository = await place.open({ now: () => AT });
	await left.restart({ repository: meet(await place.open({ now: () => AT })) });
	await right.restart({ mode: 'BACKUP', repository: meet(await place.open({ now: () => AT })) });

	const reports = await Promise.all([left.cycle(), right.cycle()]);
	await replica.cycle();

	const published = await repository.list();
	const fork = published.filter(({ generation }) => generation === 2);
	const [winner, loser] = left.state.instanceId === fork[0]?.instanceId ? [left, right] : [right, left];
	const outcomes = reports.map(({ outcome }) => outcome);
	expect(fork).toHaveLength(2);
	expect(placeInTime(fork[0]) < placeInTime(fork[1])).toBe(true);
	expect(outcomes).toEqual(winner === left ? ['published', 'stood-down'] : ['stood-down', 'published']);
	expect(await replica.rows()).toEqual(await winner.rows());
	// Both go on, the loser without publishing and without losing its edit; the replica stays with the winner.
	await left.restart({ repository });
	await right.restart({ repository });
	await replica.restart();
	const loserRows = await loser.rows();
	expect((await loser.cycle()).outcome).toBe('stood-down');
	winner.edit("UPDATE monitor SET name = 'next' WHERE id = 5");
	expect((await winner.cycle()).outcome).toBe('published');
	expect((await replica.cycle()).outcome).toBe('applied');
	expect(await replica.rows()).toEqual(await winner.rows());
	expect(await loser.rows()).toEqual(loserRows);
	expect((await repository.list()).map(({ generation }) => generation)).toEqual([1, 2, 2, 3]);
}

/** A repository whose `publish` begins, and ends, only when as many callers have come to that point. */
function meeting(count: number) {
	const gate = () => {
		let arrived = 0;
		const { promise, resolve } = Promise.withResolvers<void>();
		return async () => {
			arrived += 1;
			if (arrived === count) resolve();
			await promise;
		};
	};
	const begin = gate();
	const end = gate();
	return (repository: Repository): Repository => ({
		...delegateRepository(repository),
		publish: async (publication) => {
			await begin();
			const published = await repository.publish(publication);
			await end();
			return published;
		},
	});
}

const AT = Date.UTC(2026, 10, 24);

/** Time and id; restic leaves out zeros at the end of its nanoseconds, and both are of the same zone. */
function placeInTime(snapshot: PublishedSnapshot | undefined): string {
	const [, seconds, fraction = ''] = /^(.{19})(?:\.(\d+))?/.exec(snapshot?.time ?? '') ?? [];
	return `${seconds}.${fraction.padEnd(9, '0')} ${snapshot?.id}`;
}
