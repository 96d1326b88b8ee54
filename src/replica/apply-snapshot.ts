import { applyPlan } from '../apply/apply-plan.ts';
import { deleteHistory, deleteOrphanedHistory, findLongHistory } from '../apply/delete-history.ts';
import { removeFiles, writeFiles } from '../apply/write-files.ts';
import type { Plan } from '../model/plan.ts';
import type { Refusals } from '../model/refusal.ts';
import type { Reload, ReloadReport } from '../model/reload.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import type { Key } from '../model/row.ts';
import { StatementRefused } from '../model/statement-refused.ts';
import type { GuardVerdict } from '../plan/guard.ts';
import { joinPlans, joinReports } from '../plan/join-plans.ts';
import { keyText } from '../plan/values/same-value.ts';
import { keepExport } from './keep-export.ts';
import {
	hasRefusals,
	type PlannedSnapshot,
	type PlanRequest,
	planSnapshot,
	readMark,
} from './plan-snapshot.ts';
import { hasNews, joinRefusals, setRefusedAside } from './set-refused-aside.ts';
import { witnessWrites } from './witness-writes.ts';

/** How often a plan is made again because the database did not take it. */
const ATTEMPTS_MAX = 4;
/** How often the history of monitors that go is deleted in advance; whatever Kuma adds meanwhile goes with them. */
const PARTINGS_MAX = 2;

/** Why a plan must wait for a person. */
export type HeldVerdict = Extract<GuardVerdict, { outcome: 'held' }>;

/** What an apply came to. `held`: it goes no further before a person confirms the deletes of that plan. */
export type ApplyOutcome =
	| { readonly outcome: 'unchanged'; readonly plan: Plan }
	| { readonly outcome: 'held'; readonly plan: Plan; readonly verdict: HeldVerdict }
	| { readonly outcome: 'applied'; readonly plan: Plan; readonly reload: ReloadReport };

export interface ApplyRequest extends PlanRequest {
	readonly reload: Reload;
}

/**
 * plan → guard → apply → reload: makes a database, and the Kuma on it, equal a snapshot, or says why it must not. Rows
 * that the database refuses are set aside, and all others arrive.
 */
export async function applySnapshot(request: ApplyRequest): Promise<ApplyOutcome> {
	return new SnapshotApply(request).run();
}

/** What is left to do of one apply, and what was done. */
class SnapshotApply {
	readonly #request: ApplyRequest;
	/** What was refused since this began. */
	#found: Refusals = { rows: [], files: new Map() };
	/** The database refused a plan, so that the next one is rehearsed. */
	#isSuspect = false;
	/** Something was refused that was not known before, and that was not tried again since. */
	#hasNews = false;
	#hasTriedAgain = false;
	#hasExported = false;
	#attempts = 0;
	#partings = 0;
	readonly #plans: Plan[] = [];
	readonly #reports: ReloadReport[] = [];
	/** Applied, but not taken up by Kuma yet, because it has to be restarted for it. */
	#postponed: Plan | null = null;
	/** A plan that may have been committed already, although nobody said so. */
	#uncertain: Plan | null = null;

	constructor(request: ApplyRequest) {
		this.#request = request;
	}

	async run(): Promise<ApplyOutcome> {
		try {
			const outcome = await this.#untilDone();
			// The rest may have to wait for a person; what is applied must be taken up.
			if (this.#postponed !== null) await this.#takeUp(this.#postponed);
			return outcome;
		} catch (error) {
			await this.#reloadAfterFailure();
			throw error;
		}
	}

	async #untilDone(): Promise<ApplyOutcome> {
		for (;;) {
			const outcome = await this.#advance();
			if (outcome !== null) return outcome;
		}
	}

	/** What is applied must be taken up, whatever became of the rest. Never fails: the failure before it is the one to report. */
	async #reloadAfterFailure(): Promise<void> {
		if (this.#postponed === null) return;
		try {
			await this.#takeUp(this.#postponed);
		} catch (error) {
			const { log } = this.#request.instance;
			log.warning('Kuma could not take up what is applied already; it is tried again', { error });
		}
	}

	/** @returns what it came to, or null when there is more to do. */
	async #advance(): Promise<ApplyOutcome | null> {
		const { instance, allowsDeletes } = this.#request;
		const planned = await planSnapshot(this.#request);
		const whole = this.#without(planned, joinRefusals(planned.refused, this.#found));
		if (whole.plan.isEmpty) return this.#finish(whole);
		if (whole.verdict.outcome === 'held') {
			if (!allowsDeletes) return { outcome: 'held', plan: whole.plan, verdict: whole.verdict };
			// A person confirmed that a life of its own may go; what it was is kept all the same.
			if (!this.#hasExported) await keepExport(instance, planned.taken, `before-${whole.verdict.reason}`);
			this.#hasExported = true;
		}
		const leaving = await this.#findLeaving(whole.plan);
		const { refused, plan } = await this.#settle(planned, whole, leaving);
		const shown = this.#without(planned, refused);
		if (!plan.isEmpty && !(await this.#carryOut(plan, shown.plan, leaving.length > 0))) return null;
		if (leaving.length > 0) {
			this.#partings += 1;
			await instance.stages.measure('apply', () =>
				deleteHistory({ ...this.#request, plan: whole.plan, monitors: leaving }),
			);
			return null;
		}
		// What was refused may have stood in the way of something that is there only now, or the other way round.
		if (this.#hasNews && !this.#hasTriedAgain && this.#plans.length > 0) {
			this.#hasTriedAgain = true;
			this.#isSuspect = true;
			this.#found = { rows: [], files: this.#found.files };
			return null;
		}
		return this.#finish({ ...shown, refused });
	}

	#without(planned: PlannedSnapshot, refused: Refusals) {
		return { ...planned.replan({ refused }), refused };
	}

	/** Monitors whose history is so long that their rows cannot go with it in one transaction. */
	async #findLeaving({ removedMonitors, history }: Plan): Promise<readonly Key[]> {
		if (removedMonitors.length === 0 || !history.isSliceable || this.#partings >= PARTINGS_MAX) return [];
		return findLongHistory({ ...this.#request, monitors: removedMonitors, tables: history.tables });
	}

	/** Finds out what is refused, writes the files, and leaves out what neither the database nor the file system takes. */
	async #settle(
		planned: PlannedSnapshot,
		whole: { readonly plan: Plan; readonly refused: Refusals },
		leaving: readonly Key[],
	): Promise<{ readonly plan: Plan; readonly refused: Refusals }> {
		const { instance, database, snapshot } = this.#request;
		const { uploads, stages, catalog, log } = instance;
		const retiring = new Set(leaving.map(keyText));
		const replan = (refused: Refusals) =>
			leaving.length === 0 ? planned.replan({ refused }).plan : planned.replan({ refused, retiring }).plan;
		let { refused } = whole;
		let plan = leaving.length === 0 ? whole.plan : replan(refused);
		if (this.#isSuspect || planned.isRetry) {
			const settled = await stages.measure('plan', () =>
				setRefusedAside({ plan, refused, replan, database, catalog, snapshot, taken: planned.taken, log }),
			);
			this.#hasNews ||= hasNews(settled.refused, joinRefusals(instance.refusals.known, refused));
			({ refused, plan } = settled);
		}
		const unwritten = await stages.measure('apply', () => writeFiles(plan, uploads));
		if (unwritten.size > 0) {
			refused = { ...refused, files: new Map([...refused.files, ...unwritten]) };
			plan = replan(refused);
		}
		this.#found = refused;
		return { plan, refused };
	}

	/** @returns whether it was done; if not, another plan is to be made. */
	async #carryOut(plan: Plan, shown: Plan, isPart: boolean): Promise<boolean> {
		const { instance, database, reload } = this.#request;
		const { stages, uploads, log } = instance;
		// A part of a plan for which Kuma has to be restarted is taken up with the rest of it.
		const postpones = this.#postponed !== null || (isPart && !reload.canReload(shown));
		// Nothing stays stopped while another process holds the database.
		await stages.measure('apply', () => database.waitUntilWritable());
		if (!postpones) await stages.measure('reload', () => reload.stop(plan));
		const witnessed = witnessWrites(database);
		try {
			await stages.measure('apply', () => applyPlan({ plan, database: witnessed }));
		} catch (error) {
			if (witnessed.isUncertain()) {
				reload.owe(plan);
				this.#uncertain = shown;
			}
			if (!postpones) await reload.resume(plan);
			this.#attempts += 1;
			if (!isWorthAnother(error) || this.#attempts >= ATTEMPTS_MAX) throw error;
			log.info('The database did not take a plan; planning again', { attempt: this.#attempts, error });
			this.#isSuspect = isRefused(error);
			return false;
		}
		this.#uncertain = null;
		this.#plans.push(shown);
		if (postpones)
			this.#postponed = joinPlans([...(this.#postponed === null ? [] : [this.#postponed]), shown]);
		const isLater = this.#postponed !== null && isPart;
		try {
			for (const { path, reason } of await removeFiles(plan, uploads))
				log.warning('A file that no status page shows any more could not be removed', { path, reason });
		} finally {
			// It is committed, so Kuma must take it up, whatever became of the files.
			if (!isLater) await this.#reload(this.#postponed ?? plan);
		}
		return true;
	}

	async #reload(plan: Plan): Promise<void> {
		await this.#takeUp(plan);
		await this.#forgetRemoved(plan);
	}

	async #takeUp(plan: Plan): Promise<void> {
		const { instance, reload } = this.#request;
		this.#postponed = null;
		this.#reports.push(await instance.stages.measure('reload', () => reload.reload(plan)));
	}

	/** What is left of monitors that are gone means nothing any more, and harms nobody where it cannot go. */
	async #forgetRemoved(plan: Plan): Promise<void> {
		const { instance, database } = this.#request;
		try {
			await deleteOrphanedHistory({ database, plan });
		} catch (error) {
			if (!isReplicatorError(error)) throw error;
			instance.log.warning('What removed monitors left in other tables could not be deleted', { error });
		}
	}

	/** Kuma takes up what was postponed, and what was carried out though nobody said so. */
	async #settleReload(): Promise<void> {
		const { reload } = this.#request;
		if (this.#postponed !== null) await this.#reload(this.#postponed);
		if (this.#uncertain === null && this.#plans.length > 0) return;
		// An earlier apply may have been carried out as well.
		const settled = await reload.settle();
		if (settled !== null) this.#reports.push(settled);
		// Nothing is left to do, so it was carried out.
		if (this.#uncertain !== null) this.#plans.push(this.#uncertain);
	}

	async #finish(last: { readonly plan: Plan; readonly refused: Refusals }): Promise<ApplyOutcome> {
		const { instance, database } = this.#request;
		const { refused, plan } = last;
		const mark = hasRefusals(refused)
			? await database.read((reader) => readMark(reader, this.#request, refused))
			: '';
		instance.refusals.remember(refused, mark, instance.now());
		instance.refusals.notePlan(plan, instance.now());
		await this.#settleReload();
		if (this.#plans.length === 0) return { outcome: 'unchanged', plan };
		return {
			outcome: 'applied',
			plan: { ...joinPlans(this.#plans), heldRows: plan.heldRows, remarks: plan.remarks },
			reload: joinReports(this.#reports),
		};
	}
}

function isWorthAnother(error: unknown): boolean {
	return isRefused(error) || isReplicatorError(error, 'database-outcome-unknown');
}

function isRefused(error: unknown): boolean {
	return error instanceof StatementRefused || isReplicatorError(error, 'database-changed-meanwhile');
}
