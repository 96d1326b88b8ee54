import type { PublishOutcome } from '../leader/publish-cycle.ts';
import type { CatalogTable } from '../model/catalog-table.ts';
import type { LineageSnapshot, PublishedSnapshot } from '../model/lineage.ts';
import type { Plan } from '../model/plan.ts';
import type { ReloadReport } from '../model/reload.ts';
import type { CycleReport } from '../model/status.ts';
import { describePlan, describePlanBriefly } from '../plan/describe-plan.ts';
import type { HeldVerdict } from '../replica/apply-snapshot.ts';
import type { RestoreOutcome } from '../replica/restore-cycle.ts';
import { describeGeneration } from './describe-generation.ts';

/** What a cycle came to, without what it took. */
export type Outcome = Omit<CycleReport, 'stages'>;

/** @returns a snapshot as people read it: the beginning of its id, its generation, its leader. */
export function describeSnapshot({ id, digest, generation, hostname }: LineageSnapshot): string {
	return id === null
		? `${digest.slice(0, 8)} (${describeGeneration(generation)}, from ${hostname} itself, ahead of the repository)`
		: `${id.slice(0, 8)} (${describeGeneration(generation)}, from ${hostname})`;
}

const NOTHING = { needsDecision: false, details: [], heldRows: [], snapshotId: null } as const;

/** Says in words what a leader's cycle came to. */
export function reportPublish(outcome: PublishOutcome, catalog: readonly CatalogTable[]): Outcome {
	switch (outcome.outcome) {
		case 'not-set-up':
			return {
				...NOTHING,
				outcome: 'not-set-up',
				summary: `Kuma's database is not set up yet: ${outcome.reason}.`,
			};
		case 'wait-for-user':
			return {
				...NOTHING,
				outcome: 'wait-for-user',
				summary:
					'Kuma has no user yet and the repository has no snapshot; nothing is published until the first user is there.',
			};
		case 'unchanged':
			return {
				...NOTHING,
				outcome: 'unchanged',
				summary: `Nothing changed since snapshot ${describeSnapshot(outcome.head)}.`,
				snapshotId: outcome.head.id,
			};
		case 'published':
			return {
				...NOTHING,
				outcome: 'published',
				summary: `Published snapshot ${describeSnapshot(outcome.snapshot)}.`,
				snapshotId: outcome.snapshot.id,
			};
		case 'restored-first': {
			const restore = reportRestore(outcome.restore, catalog);
			return {
				...restore,
				summary: `This instance was new and took over what the fleet had. ${restore.summary}`,
			};
		}
		case 'stood-down':
			return {
				...NOTHING,
				outcome: 'stood-down',
				summary: STAND_DOWN[outcome.reason](outcome.head),
				needsDecision: true,
				trouble: `stood-down/${outcome.reason}`,
				heldRows: outcome.heldRows,
				snapshotId: outcome.head?.id ?? null,
			};
	}
}

const WAYS_OUT =
	'To take over what the fleet has, run "replicator-kuma restore"; to overrule it with what this instance has, run "replicator-kuma backup --take-over".';

const STAND_DOWN = {
	'another-leader': (head: PublishedSnapshot | null) =>
		`Not publishing: the newest snapshot, ${head === null ? 'unknown' : describeSnapshot(head)}, was neither published nor applied by this instance. ${WAYS_OUT}`,
	'fork-lost': (head: PublishedSnapshot | null) =>
		`Another leader published at the same moment, and its snapshot ${head === null ? '' : describeSnapshot(head)} won. The changes made here stay unpublished. ${WAYS_OUT}`,
	'held-rows': () =>
		'Not publishing: rows of the fleet could not be applied to this instance, and publishing would delete them everywhere. Upgrade or repair this instance and run "replicator-kuma restore", or give rows up by name with "replicator-kuma backup --drop-held TABLE/KEY".',
} as const;

/** Says in words what a replica's cycle came to. */
export function reportRestore(outcome: RestoreOutcome, catalog: readonly CatalogTable[]): Outcome {
	switch (outcome.outcome) {
		case 'not-set-up':
			return {
				...NOTHING,
				outcome: 'not-set-up',
				summary: `Kuma's database is not set up yet: ${outcome.reason}.`,
			};
		case 'nothing-published':
			return {
				...NOTHING,
				outcome: 'nothing-published',
				summary: 'The repository has no snapshot of this fleet yet.',
			};
		case 'up-to-date':
			return {
				...NOTHING,
				outcome: 'up-to-date',
				summary: `Snapshot ${describeSnapshot(outcome.head)} is applied.`,
				snapshotId: outcome.head.id,
			};
		case 'unchanged':
			return {
				...planned(outcome.plan, catalog, outcome.head),
				outcome: 'unchanged',
				summary: `The database equals snapshot ${describeSnapshot(outcome.head)}.${heldNote(outcome.plan)}`,
				needsDecision: false,
			};
		case 'held':
			return {
				...planned(outcome.plan, catalog, outcome.head),
				outcome: 'held',
				summary: `Snapshot ${describeSnapshot(outcome.head)} is held. ${describeVerdict(outcome.verdict)}`,
				needsDecision: true,
				trouble: `held/${outcome.verdict.reason}`,
			};
		case 'applied':
			return {
				...planned(outcome.plan, catalog, outcome.head),
				outcome: 'applied',
				summary: `Applied snapshot ${describeSnapshot(outcome.head)}: ${describePlanBriefly(outcome.plan, catalog)}.${restartNote(outcome.reload)}${heldNote(outcome.plan)}`,
				needsDecision: false,
			};
	}
}

/** A restart is worth a word, for it cost monitoring; a reload is what everybody expects. */
function restartNote(reload: ReloadReport): string {
	if (reload.outcome !== 'restarted') return '';
	return ` Kuma was restarted for it, because ${reload.reason}.`;
}

function planned(plan: Plan, catalog: readonly CatalogTable[], head: LineageSnapshot) {
	return { details: describePlan(plan, catalog), heldRows: plan.heldRows, snapshotId: head.id };
}

function heldNote(plan: Plan): string {
	if (plan.heldRows.length === 0) return '';
	const names = plan.heldRows
		.slice(0, 3)
		.map(({ table, title, reason }) => `${table} "${title}" (${reason})`);
	const more = plan.heldRows.length > names.length ? ` and ${plan.heldRows.length - names.length} more` : '';
	return ` Not as on the leader: ${names.join(', ')}${more}.`;
}

/** Says why a plan is held, and the way out. */
export function describeVerdict(verdict: HeldVerdict): string {
	const wayOut =
		'If that is what you want, confirm it with "replicator-kuma restore --allow-deletes" here, or for all replicas with "replicator-kuma backup --allow-deletes" on the leader.';
	switch (verdict.reason) {
		case 'all-users':
			return `It would delete all ${verdict.usersDeleted} users. ${wayOut}`;
		case 'many-monitors':
			return `It would delete ${verdict.monitorsDeleted} of ${verdict.monitorsBefore} monitors. ${wayOut}`;
		case 'foreign-monitors':
			return `This instance has ${verdict.monitorsDeleted} monitors of its own that the fleet does not have, and they would be deleted. If this instance should become a replica, confirm it with "replicator-kuma restore --allow-deletes"; what it has is exported first.`;
	}
}
