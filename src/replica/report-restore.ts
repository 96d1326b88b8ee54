import { describeSnapshot } from '../lineage/describe-snapshot.ts';
import type { CatalogTable } from '../model/catalog-table.ts';
import type { LineageSnapshot } from '../model/lineage.ts';
import type { Plan } from '../model/plan.ts';
import type { ReloadReport } from '../model/reload.ts';
import { type CycleEnd, NO_DETAILS } from '../model/status.ts';
import type { TimezoneChange } from '../model/timezone.ts';
import { describePlan, describePlanBriefly } from '../plan/words/describe-plan.ts';
import type { HeldVerdict } from './apply-snapshot.ts';
import type { RestoreOutcome, RestorePreview } from './restore-cycle.ts';

/** More rows than that are counted, not named, in one sentence. */
export const NAMED_MAX = 3;

/** Says in words what a replica's cycle came to. */
export function reportRestore(outcome: RestoreOutcome, catalog: readonly CatalogTable[]): CycleEnd {
	switch (outcome.outcome) {
		case 'not-set-up':
			return {
				...NO_DETAILS,
				outcome: 'not-set-up',
				summary: `Kuma's database is not set up yet: ${outcome.reason}.`,
			};
		case 'nothing-published':
			return {
				...NO_DETAILS,
				outcome: 'nothing-published',
				summary: 'The repository has no snapshot of this fleet yet.',
			};
		case 'up-to-date':
			return {
				...NO_DETAILS,
				outcome: 'up-to-date',
				summary: `Snapshot ${describeSnapshot(outcome.target)} is applied.`,
				snapshotId: outcome.target.id,
			};
		case 'unchanged':
			return {
				...planned(outcome.plan, catalog, outcome.target),
				outcome: 'unchanged',
				summary: `The database equals snapshot ${describeSnapshot(outcome.target)}.${heldNote(outcome.plan)}`,
				needsDecision: false,
				...rezoned(outcome),
			};
		case 'held':
			return {
				...planned(outcome.plan, catalog, outcome.target),
				outcome: 'held',
				summary: `Snapshot ${describeSnapshot(outcome.target)} is held. ${describeVerdict(outcome.verdict)}`,
				needsDecision: true,
				trouble: `held/${outcome.verdict.reason}`,
			};
		case 'applied':
			return {
				...planned(outcome.plan, catalog, outcome.target),
				outcome: 'applied',
				summary: `Applied snapshot ${describeSnapshot(outcome.target)}: ${describePlanBriefly(outcome.plan, catalog)}.${restartNote(outcome.reload)}${heldNote(outcome.plan)}`,
				needsDecision: false,
				...rezoned(outcome),
			};
	}
}

/** Says in words what a restore would come to. */
export function reportPreview(
	preview: RestorePreview,
	{ catalog, allowsDeletes }: { readonly catalog: readonly CatalogTable[]; readonly allowsDeletes: boolean },
): CycleEnd {
	if (preview.outcome !== 'planned') return reportRestore(preview, catalog);
	const { plan, verdict, target } = preview;
	const held =
		verdict.outcome === 'held' && !allowsDeletes ? ` It would be held. ${describeVerdict(verdict)}` : '';
	return {
		...planned(plan, catalog, target),
		outcome: 'planned',
		summary: plan.isEmpty
			? `The database equals snapshot ${describeSnapshot(target)}.`
			: `Snapshot ${describeSnapshot(target)} would be applied.${held}`,
		needsDecision: held !== '',
	};
}

function rezoned({ timezoneChange }: { readonly timezoneChange: TimezoneChange | null }) {
	return timezoneChange === null ? {} : { timezoneChange };
}

/** A restart is worth a word, for it cost monitoring; a reload is what everybody expects. */
function restartNote(reload: ReloadReport): string {
	if (reload.outcome !== 'restarted') return '';
	return ` Kuma was restarted for it, because ${reload.reason}.`;
}

function planned(plan: Plan, catalog: readonly CatalogTable[], target: LineageSnapshot) {
	return { details: describePlan(plan, catalog), heldRows: plan.heldRows, snapshotId: target.id };
}

function heldNote(plan: Plan): string {
	if (plan.heldRows.length === 0) return '';
	const names = plan.heldRows
		.slice(0, NAMED_MAX)
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
