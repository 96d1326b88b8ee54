import type { Config } from '../config/load-config.ts';
import { type PublishOutcome, type PublishRequest, publishCycle } from '../leader/publish-cycle.ts';
import { retain } from '../leader/retain.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { LineagePlace, PublishedSnapshot } from '../model/lineage.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { roleOf } from '../model/role.ts';
import type { HeldRow, InstanceState } from '../model/state.ts';
import type { CycleReport } from '../model/status.ts';
import { describePlan } from '../plan/describe-plan.ts';
import { restoreAhead } from '../replica/restore-ahead.ts';
import { previewRestore, type RestoreOutcome, restoreCycle } from '../replica/restore-cycle.ts';
import { findHead } from '../repository/find-head.ts';
import {
	describeSnapshot,
	describeVerdict,
	type Outcome,
	reportPublish,
	reportRestore,
} from './report-outcome.ts';
import { StageTimes } from './stage-times.ts';

export interface BackupOrders {
	readonly takesOver: boolean;
	readonly allowsDeletes: boolean;
	/** Rows, as `table/key`, that may be lost for the whole fleet. */
	readonly dropsHeld: readonly string[];
}

export interface RestoreOrders {
	readonly snapshotId: string | null;
	readonly allowsDeletes: boolean;
	readonly isDryRun: boolean;
}

/** A vanished repository is noticed within this time even when nothing is edited. */
const HEAD_FRESH_MS = 60 * 60 * 1000;

/** An edit settles within 5 s; what was looked up longer ago is looked up again. */
const FORESEEN_FRESH_MS = 6_000;

const NO_BACKUP_ORDERS: BackupOrders = { takesOver: false, allowsDeletes: false, dropsHeld: [] };

/** What a leader or a replica does, once: by the loop, on a signal, or because a person asks. */
export class Replicator {
	readonly #instance: FleetInstance;
	readonly #config: Config;
	readonly #observe: ((outcome: PublishOutcome | RestoreOutcome) => void) | undefined;
	#newest: PublishedSnapshot | null = null;
	/** The last publish, while old snapshots were not forgotten after it. */
	#untidyHead: PublishedSnapshot | null = null;
	/** When the newest snapshot was last seen in the repository. */
	#headSeenAt = Number.NEGATIVE_INFINITY;
	/** The head, looked up while an edit settles. */
	#foreseen: { readonly head: Promise<PublishedSnapshot | null>; readonly at: number } | null = null;
	/** A replica plans once after every start, whatever it has applied: that undoes edits made on it. */
	#hasPlanned = false;

	/** @param parts.observe told of each outcome, for who counts. */
	constructor(parts: {
		readonly instance: FleetInstance;
		readonly config: Config;
		readonly observe?: (outcome: PublishOutcome | RestoreOutcome) => void;
	}) {
		this.#instance = parts.instance;
		this.#observe = parts.observe;
		this.#config = parts.config;
	}

	/** The newest snapshot that a cycle has seen. */
	get newest(): PublishedSnapshot | null {
		return this.#newest;
	}

	get state(): InstanceState {
		return this.#instance.state.read();
	}

	/** One cycle of the role that REPLICATOR_MODE gives this instance. */
	cycle(): Promise<CycleReport> {
		return roleOf(this.#config.mode) === 'leader' ? this.#lead() : this.#follow();
	}

	/**
	 * take → publish, on request with a person's orders.
	 * @throws ReplicatorError `refused` on a replica: what it has on purpose different is not the fleet's configuration.
	 */
	async backup(orders: BackupOrders): Promise<CycleReport> {
		if (roleOf(this.#config.mode) !== 'leader') {
			throw new ReplicatorError(
				`This instance is a replica (REPLICATOR_MODE=${this.#config.mode}) and publishes nothing.`,
				{
					code: 'refused',
					hint: 'Run "backup" on the leader. To make this instance the leader, start it with REPLICATOR_MODE=BACKUP.',
				},
			);
		}
		await this.#dropHeld(orders.dropsHeld);
		return this.#timed((instance) => this.#publish(instance, { orders }));
	}

	/**
	 * Somebody edits this leader: looks up the head while the edit settles, so that the publish need not wait for it.
	 * Whatever goes wrong is found by the cycle itself.
	 */
	foresee(): void {
		if (this.#foreseen !== null && this.#instance.now() - this.#foreseen.at < FORESEEN_FRESH_MS) return;
		const head = this.#instance.repository.list().then(
			(published) => findHead(published).head,
			() => null,
		);
		this.#foreseen = { head, at: this.#instance.now() };
	}

	/** An ordinary cycle: a leader on which nothing is edited looks at the repository once after its last publish, and then once an hour. */
	#lead(): Promise<CycleReport> {
		const isFresh = this.#instance.now() - this.#headSeenAt < HEAD_FRESH_MS;
		const foreseen = this.#foreseen;
		this.#foreseen = null;
		const isForeseen = foreseen !== null && this.#instance.now() - foreseen.at < FORESEEN_FRESH_MS;
		const heads = {
			knownHead: isFresh ? this.#newest : null,
			...(isForeseen ? { foreseenHead: foreseen.head } : {}),
		};
		return this.#timed((instance) => this.#publish(instance, { orders: NO_BACKUP_ORDERS, ...heads }));
	}

	async #publish(
		instance: FleetInstance,
		request: Pick<PublishRequest, 'knownHead' | 'foreseenHead'> & { readonly orders: BackupOrders },
	): Promise<Outcome> {
		const { retention, guard } = this.#config;
		const outcome = await publishCycle({ instance, retention, guard, ...request });
		this.#observe?.(outcome);
		const head = headOf(outcome);
		this.#newest = head ?? this.#newest;
		// Another leader's snapshot of the same moment may show up a little later: the next cycle looks once more.
		if (outcome.outcome === 'published') this.#headSeenAt = Number.NEGATIVE_INFINITY;
		// The very object that was handed in says that nobody has looked.
		else if (head !== null && head !== request.knownHead) this.#headSeenAt = instance.now();
		if (outcome.outcome === 'published') this.#untidyHead = outcome.snapshot;
		return reportPublish(outcome, instance.catalog);
	}

	/** Forgets old snapshots after a publish. It takes as long as the publish itself, and nobody has to wait for it. */
	async tidy(): Promise<void> {
		const head = this.#untidyHead;
		if (head === null) return;
		this.#untidyHead = null;
		try {
			await retain(this.#instance, { retention: this.#config.retention, headId: head.id });
		} catch (error) {
			// The snapshot is published; that old ones could not be forgotten does not undo it.
			this.#instance.log.warning('Old snapshots could not be forgotten', { error });
		}
	}

	/** fetch → plan → apply → reload, on request with a person's orders. */
	restore(orders: RestoreOrders): Promise<CycleReport> {
		const wanted = {
			guard: this.#config.guard,
			allowsDeletes: orders.allowsDeletes,
			isForced: true,
			...(orders.snapshotId === null ? {} : { snapshotId: orders.snapshotId }),
		};
		return this.#timed(async (instance) => {
			const request = { ...wanted, instance };
			if (orders.isDryRun) return this.#preview(request);
			return this.#reportRestore(await restoreCycle(request));
		});
	}

	#follow(): Promise<CycleReport> {
		return this.#timed((instance) => this.#restoreHead(instance));
	}

	async #restoreHead(instance: FleetInstance): Promise<Outcome> {
		const outcome = await restoreCycle({
			instance,
			guard: this.#config.guard,
			allowsDeletes: false,
			isForced: !this.#hasPlanned,
		});
		return this.#reportFollowed(outcome);
	}

	#reportFollowed(outcome: RestoreOutcome): Outcome {
		this.#hasPlanned ||= outcome.outcome === 'applied' || outcome.outcome === 'unchanged';
		return this.#reportRestore(outcome);
	}

	/**
	 * A replica's cycle with a snapshot that the leader handed over itself, if it is the next one; with whatever the
	 * repository has otherwise.
	 */
	followLeader(place: LineagePlace): Promise<CycleReport> {
		return this.#timed(async (instance) => {
			const outcome = await restoreAhead({ instance, guard: this.#config.guard, place });
			return outcome === null ? this.#restoreHead(instance) : this.#reportFollowed(outcome);
		});
	}

	/** Runs one cycle with a clock of its own. */
	async #timed(work: (instance: FleetInstance) => Promise<Outcome>): Promise<CycleReport> {
		const stages = new StageTimes();
		const outcome = await work({ ...this.#instance, stages });
		return { ...outcome, stages: stages.durations };
	}

	#reportRestore(outcome: RestoreOutcome): Outcome {
		this.#observe?.(outcome);
		this.#newest = headOfRestore(outcome) ?? this.#newest;
		return reportRestore(outcome, this.#instance.catalog);
	}

	async #preview(request: Parameters<typeof previewRestore>[0]): Promise<Outcome> {
		const { catalog } = this.#instance;
		const preview = await previewRestore(request);
		if (preview.outcome !== 'planned') return reportRestore(preview, catalog);
		const { plan, verdict, head } = preview;
		const held =
			verdict.outcome === 'held' && !request.allowsDeletes
				? ` It would be held. ${describeVerdict(verdict)}`
				: '';
		return {
			outcome: 'planned',
			summary: plan.isEmpty
				? `The database equals snapshot ${describeSnapshot(head)}.`
				: `Snapshot ${describeSnapshot(head)} would be applied.${held}`,
			needsDecision: held !== '',
			details: describePlan(plan, catalog),
			heldRows: plan.heldRows,
			snapshotId: head.id,
		};
	}

	async #dropHeld(names: readonly string[]): Promise<void> {
		if (names.length === 0) return;
		const { heldRows } = this.state;
		const nameOf = ({ table, key }: HeldRow) => `${table}/${key}`;
		const unknown = names.filter((name) => !heldRows.some((row) => nameOf(row) === name));
		if (unknown.length > 0) {
			throw new ReplicatorError(`No row is held under the name ${unknown.join(', ')}.`, {
				code: 'refused',
				hint: `Held are: ${heldRows.map(nameOf).join(', ') || 'none'}.`,
			});
		}
		await this.#instance.state.save({ heldRows: heldRows.filter((row) => !names.includes(nameOf(row))) });
	}
}

function headOf(outcome: PublishOutcome): PublishedSnapshot | null {
	switch (outcome.outcome) {
		case 'published':
			return outcome.snapshot;
		case 'unchanged':
		case 'stood-down':
			return outcome.head;
		case 'restored-first':
			return headOfRestore(outcome.restore);
		case 'not-set-up':
		case 'wait-for-user':
			return null;
	}
}

/** @returns the newest snapshot that was seen in the repository. */
function headOfRestore(outcome: RestoreOutcome): PublishedSnapshot | null {
	return 'head' in outcome && outcome.head.id !== null ? outcome.head : null;
}
