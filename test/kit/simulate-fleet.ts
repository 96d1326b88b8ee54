import fc from 'fast-check';
import { expect } from 'vitest';
import type { MemoryDisk } from './memory-files.ts';
import { MEMBER_COUNT, type Seen, SimulatedFleet } from './simulated-fleet.ts';
import type { Step } from './simulated-step.ts';

/*
 * Random scripts of what happens to a fleet. SIMULATION_RUNS=100000 runs more of them, SIMULATION_SEED=… repeats those
 * of a seed. A script that fails is made as short as possible, and printed.
 */

const RUNS = Number(process.env.SIMULATION_RUNS ?? (process.env.CI === 'true' ? 10_000 : 500));
const SEED = Number(process.env.SIMULATION_SEED ?? Date.now() % 2 ** 31);

const who = fc.nat(MEMBER_COUNT - 1);
const edit: fc.Arbitrary<Step> = fc.record({
	do: fc.constant('edit'),
	leader: fc.nat(1),
	monitor: fc.nat(1),
	// Few values, so that edits are undone and made once more.
	to: fc.oneof(
		{ weight: 6, arbitrary: fc.record({ active: fc.constantFrom(0, 1) }) },
		{ weight: 2, arbitrary: fc.record({ name: fc.constantFrom('Shop', 'Blog') }) },
		{ weight: 1, arbitrary: fc.constant('toggle') },
	),
});
const goOn: fc.Arbitrary<Step> = fc.record({ do: fc.constant('go on'), turns: fc.nat(12) });
const fail: fc.Arbitrary<Step> = fc.record({
	do: fc.constant('fail'),
	who: fc.oneof(who, fc.constant('all')),
	how: fc.constantFrom('before', 'after', 'hang-before', 'hang-after'),
});
const unseen: fc.Arbitrary<Step> = fc.constant({ do: 'fail', who: 'all', how: 'after' });
const refused: fc.Arbitrary<Step> = fc.constant({ do: 'fail', who: 'all', how: 'before' });
const mend: fc.Arbitrary<Step> = fc.record({
	do: fc.constant('fail'),
	who: fc.oneof(who, fc.constant('all')),
	how: fc.constant('none'),
});
const kill: fc.Arbitrary<Step> = fc.record({ do: fc.constant('kill'), who, calls: fc.nat(30) });
const start: fc.Arbitrary<Step> = fc.record({ do: fc.constant('start'), who });
const lead: fc.Arbitrary<Step> = fc.record({ do: fc.constant('lead'), who });
const pass: fc.Arbitrary<Step> = fc.record({
	do: fc.constant('pass'),
	ms: fc.constantFrom(1_000, 5_000, 20_000, 60_000, 400_000),
});
const follow: fc.Arbitrary<Step> = fc.record({ do: fc.constant('follow'), who });
const connection: fc.Arbitrary<Step> = fc.oneof(
	fc.record({ do: fc.constant('disconnect'), who }),
	fc.record({ do: fc.constant('listen'), who, to: who }),
);
const clock: fc.Arbitrary<Step> = fc.record({
	do: fc.constant('set clock'),
	who,
	byMs: fc.constantFrom(-3_600_000, -1, 1_000, 3_600_000),
});

/** Single things in any order, and between them what belongs together more often than chance brings it together. */
function scripts(single: fc.Arbitrary<Step>, more: fc.Arbitrary<Step[]>): fc.Arbitrary<Step[]> {
	return fc
		.array(
			fc.oneof(
				{ weight: 6, arbitrary: fc.tuple(single) },
				{ weight: 2, arbitrary: fc.tuple(fail, edit, goOn, edit, goOn) },
				{ weight: 1, arbitrary: fc.tuple(edit, goOn, edit, goOn) },
				{ weight: 1, arbitrary: fc.tuple(fail, edit, goOn, kill, goOn, edit, mend, start) },
				// A publish that got there unseen, and one behind it that did not.
				{ weight: 1, arbitrary: fc.tuple(unseen, edit, goOn, refused, edit, goOn, kill, edit, start) },
				{ weight: 1, arbitrary: more },
			),
			{ minLength: 1, maxLength: 8, size: 'max' },
		)
		.map((parts) => parts.flat());
}

const ORDINARY = fc.oneof(edit, goOn, fail, mend, kill, start, pass, connection, clock);

/** Whoever leads, and with two leaders for a while. */
export const CHANGING_LEADERS = scripts(
	fc.oneof(ORDINARY, lead, follow),
	fc.tuple(edit, goOn, kill, goOn, lead, goOn),
);

/** The first leader stays the leader. */
export const ONE_LEADER = scripts(ORDINARY, fc.tuple(edit, goOn, kill, edit, goOn, start));

/**
 * Runs half of the runs that are wanted: there are two files of them, for two cores.
 * @throws Error that tells the shortest script which fails.
 */
export async function simulate(options: {
	readonly script: fc.Arbitrary<Step[]>;
	readonly disk: MemoryDisk;
	readonly areReplicasTrusting: boolean;
}): Promise<void> {
	const { script, disk, areReplicasTrusting } = options;
	const seen: Seen = {};
	// Found without asking the disk.
	process.env.TZ = 'UTC';

	const outcome = await fc.check(
		fc.asyncProperty(script, fc.nat(), async (steps, schedule) => {
			const fleet = new SimulatedFleet({ disk, seed: schedule, seen, areReplicasTrusting });
			await fleet.begin();
			for (const step of steps) await fleet.take(step);
			const problems = await fleet.quiet();
			if (problems.length > 0) throw new Error(problems.join('\n'));
		}),
		{ numRuns: Math.ceil(RUNS / 2), seed: SEED },
	);

	process.stdout.write(`Simulated ${outcome.numRuns} runs from seed ${SEED}: ${JSON.stringify(seen)}\n`);
	expect(outcome.failed ? explain(outcome) : null).toBeNull();
}

/** The shortest script that fails, to be read and to be repeated. */
function explain(outcome: fc.RunDetails<[Step[], number]>): string {
	const [steps = [], schedule] = outcome.counterexample ?? [];
	const lines = steps.map((step) => `  ${JSON.stringify(step)}`);
	const reason = outcome.errorInstance instanceof Error ? outcome.errorInstance.message : 'it failed';
	return [
		reason,
		`SIMULATION_SEED=${outcome.seed}, path ${outcome.counterexamplePath}, schedule ${schedule}:`,
		...lines,
	].join('\n');
}
