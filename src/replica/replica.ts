import { CycleRunner } from '../instance/cycle-runner.ts';
import { Loan } from '../lineage/loan.ts';
import type { ActingRole, RestoreOrders } from '../model/acting-role.ts';
import type { LeaderStanding } from '../model/announcer.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { LineagePlace, PublishedSnapshot } from '../model/lineage.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { InstanceState } from '../model/state.ts';
import type { CycleEnd, CycleReport } from '../model/status.ts';
import type { GuardLimits } from '../plan/guard.ts';
import { reportPreview, reportRestore } from './report-restore.ts';
import { restoreAhead } from './restore-ahead.ts';
import { previewRestore, type RestoreOutcome, restoreCycle } from './restore-cycle.ts';

/** How soon an instance that is ahead of the repository looks again. A failure is looked after by the loop. */
const LOAN_LOOK_MS = 20_000;

export interface ReplicaParts {
	readonly instance: FleetInstance;
	readonly guard: GuardLimits | 'off';
	/** Of the piece of work that has its turn; without one, nothing is ever cut short. */
	readonly signal?: (() => AbortSignal) | undefined;
	/** Called with each outcome, for whoever counts. */
	readonly observe?: ((outcome: RestoreOutcome) => void) | undefined;
	/** Called now and then while this instance is ahead of the repository: it is time for a cycle. */
	readonly onLoanDue?: (() => void) | undefined;
	/** Milliseconds of a clock that only goes forward. */
	readonly uptimeMs?: (() => number) | undefined;
}

/** fetch → plan → apply → reload: by the loop, on a signal, or because a person asks. */
export class Replica implements ActingRole {
	readonly role = 'replica';
	readonly isUntidy = false;
	readonly #parts: ReplicaParts;
	readonly #cycles: CycleRunner;
	readonly #loan: Loan;
	#newest: PublishedSnapshot | null = null;
	/** It plans once after every start, whatever it has applied: that undoes edits made on it. */
	#hasPlanned = false;
	#loanTimer: NodeJS.Timeout | undefined;

	constructor(parts: ReplicaParts) {
		this.#parts = parts;
		this.#cycles = new CycleRunner(parts);
		this.#loan = new Loan({ uptimeMs: parts.uptimeMs ?? (() => performance.now()) });
	}

	get newest(): PublishedSnapshot | null {
		return this.#newest;
	}

	get state(): InstanceState {
		return this.#parts.instance.state.read();
	}

	cycle(): Promise<CycleReport> {
		return this.#unlessFailed(this.#cycles.runGivingWay((instance) => this.#restoreHead(instance)));
	}

	async backup(): Promise<CycleReport> {
		throw new ReplicatorError(
			`This instance is a replica (REPLICATOR_MODE=${this.#parts.instance.mode}) and publishes nothing.`,
			{
				code: 'refused',
				hint: 'Run "backup" on the leader. To make this instance the leader, start it with REPLICATOR_MODE=BACKUP.',
			},
		);
	}

	restore({ snapshotId, allowsDeletes, isDryRun }: RestoreOrders): Promise<CycleReport> {
		const { guard } = this.#parts;
		const wanted = {
			guard,
			allowsDeletes,
			isForced: true,
			...(snapshotId === null ? {} : { snapshotId }),
			loan: this.#loan,
		};
		return this.#unlessFailed(
			this.#cycles.run(async (instance) => {
				const request = { ...wanted, instance };
				if (!isDryRun) return this.#report(await restoreCycle(request));
				const { catalog } = instance;
				return reportPreview(await previewRestore(request), { catalog, allowsDeletes });
			}),
		);
	}

	/** If it is the next one; otherwise with whatever the repository has. */
	followLeader(place: LineagePlace): Promise<CycleReport> {
		const { guard } = this.#parts;
		return this.#unlessFailed(
			this.#cycles.run(async (instance) => {
				const outcome = await restoreAhead({ instance, guard, place, loan: this.#loan });
				return outcome === null ? this.#restoreHead(instance) : this.#reportFollowed(outcome);
			}),
		);
	}

	hear(standing: LeaderStanding): boolean {
		return this.#loan.hear(standing, this.state.position);
	}

	/** What is edited here is not published. */
	foresee(): void {}

	hurry(): void {
		this.#cycles.hurry();
	}

	async tidy(): Promise<void> {}

	async #restoreHead(instance: FleetInstance): Promise<CycleEnd> {
		const outcome = await restoreCycle({
			instance,
			guard: this.#parts.guard,
			allowsDeletes: false,
			isForced: !this.#hasPlanned,
			loan: this.#loan,
		});
		return this.#reportFollowed(outcome);
	}

	#reportFollowed(outcome: RestoreOutcome): CycleEnd {
		this.#hasPlanned ||= outcome.outcome === 'applied' || outcome.outcome === 'unchanged';
		return this.#report(outcome);
	}

	#report(outcome: RestoreOutcome): CycleEnd {
		this.#watchLoan();
		this.#parts.observe?.(outcome);
		this.#newest = headOf(outcome) ?? this.#newest;
		return reportRestore(outcome, this.#parts.instance.catalog);
	}

	/** What was applied when it failed is not for certain. */
	async #unlessFailed(cycle: Promise<CycleReport>): Promise<CycleReport> {
		try {
			return await cycle;
		} catch (error) {
			this.#hasPlanned = false;
			throw error;
		}
	}

	/** Nobody may say when the repository has what was handed over, or that it never will; so this looks again. */
	#watchLoan(): void {
		const { onLoanDue } = this.#parts;
		clearTimeout(this.#loanTimer);
		const { position } = this.state;
		if (onLoanDue === undefined || position === null || position.id !== null) return;
		this.#loanTimer = setTimeout(onLoanDue, LOAN_LOOK_MS).unref();
	}
}

/** @returns the newest snapshot that was seen in the repository. */
export function headOf(outcome: RestoreOutcome): PublishedSnapshot | null {
	return 'head' in outcome ? outcome.head : null;
}
