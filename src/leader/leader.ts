import { CycleRunner } from '../instance/cycle-runner.ts';
import { findHead } from '../lineage/find-head.ts';
import type { ActingRole, BackupOrders, RestoreOrders } from '../model/acting-role.ts';
import type { FleetInstance } from '../model/instance.ts';
import type { PublishedSnapshot, Retention } from '../model/lineage.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { HeldRow, InstanceState } from '../model/state.ts';
import type { CycleEnd, CycleReport } from '../model/status.ts';
import { headOf as headOfRestore, Replica, type ReplicaParts } from '../replica/replica.ts';
import type { RestoreOutcome } from '../replica/restore-cycle.ts';
import { type PublishOutcome, type PublishRequest, publishCycle } from './publish-cycle.ts';
import { reportPublish } from './report-publish.ts';
import { retain } from './retain.ts';

/** A vanished repository is noticed within this time even when nothing is edited. */
const HEAD_FRESH_MS = 60 * 60 * 1000;

/** An edit settles within 5 s; what was looked up longer ago is looked up again. */
const FORESEEN_FRESH_MS = 6_000;

const NO_BACKUP_ORDERS: BackupOrders = { takesOver: false, allowsDeletes: false, dropsHeld: [] };

export interface LeaderParts extends Omit<ReplicaParts, 'observe'> {
	readonly retention: Retention;
	/** Called with each outcome, for whoever counts. */
	readonly observe?: ((outcome: PublishOutcome | RestoreOutcome) => void) | undefined;
}

/** take → publish: by the loop, on a signal, or because a person asks. */
export class Leader implements ActingRole {
	readonly role = 'leader';
	readonly #parts: LeaderParts;
	readonly #cycles: CycleRunner;
	/** Takes over what the fleet has when a person asks for it. */
	readonly #replica: Replica;
	#newest: PublishedSnapshot | null = null;
	/** The last publish, while old snapshots were not forgotten after it. */
	#untidyHead: PublishedSnapshot | null = null;
	/** When the newest snapshot was last seen in the repository. */
	#headSeenAt = Number.NEGATIVE_INFINITY;
	/** The head, looked up while an edit settles. */
	#foreseen: { readonly head: Promise<PublishedSnapshot | null>; readonly at: number } | null = null;

	constructor(parts: LeaderParts) {
		this.#parts = parts;
		this.#cycles = new CycleRunner(parts);
		this.#replica = new Replica(parts);
	}

	get newest(): PublishedSnapshot | null {
		return this.#newest;
	}

	get state(): InstanceState {
		return this.#parts.instance.state.read();
	}

	/** A leader on which nothing is edited looks at the repository once after its last publish, and then once an hour. */
	cycle(): Promise<CycleReport> {
		const now = this.#parts.instance.now();
		const isFresh = now - this.#headSeenAt < HEAD_FRESH_MS;
		const foreseen = this.#foreseen;
		this.#foreseen = null;
		const isForeseen = foreseen !== null && now - foreseen.at < FORESEEN_FRESH_MS;
		const heads = {
			knownHead: isFresh ? this.#newest : null,
			...(isForeseen ? { foreseenHead: foreseen.head } : {}),
		};
		return this.#cycles.runGivingWay((instance) =>
			this.#publish(instance, { orders: NO_BACKUP_ORDERS, ...heads }),
		);
	}

	async backup(orders: BackupOrders): Promise<CycleReport> {
		await this.#dropHeld(orders.dropsHeld);
		return this.#cycles.run((instance) => this.#publish(instance, { orders }));
	}

	async restore(orders: RestoreOrders): Promise<CycleReport> {
		const report = await this.#replica.restore(orders);
		this.#newest = this.#replica.newest ?? this.#newest;
		return report;
	}

	followLeader(): Promise<CycleReport> {
		return this.cycle();
	}

	hear(): boolean {
		return false;
	}

	/** So the publish need not wait for it. Whatever goes wrong is found by the cycle itself. */
	foresee(): void {
		const { instance } = this.#parts;
		if (this.#foreseen !== null && instance.now() - this.#foreseen.at < FORESEEN_FRESH_MS) return;
		const head = instance.repository.list().then(
			(published) => findHead(published).head,
			() => null,
		);
		this.#foreseen = { head, at: instance.now() };
	}

	hurry(): void {
		this.#cycles.hurry();
	}

	get isUntidy(): boolean {
		return this.#untidyHead !== null;
	}

	async tidy(givingWay?: AbortSignal): Promise<void> {
		const head = this.#untidyHead;
		const hasGivenWay = () => givingWay?.aborted === true;
		if (head === null || hasGivenWay()) return;
		this.#untidyHead = null;
		const { retention, instance } = this.#parts;
		try {
			await retain(this.#cycles.bound(givingWay), { retention, headId: head.id });
		} catch (error) {
			if (hasGivenWay()) {
				this.#untidyHead = head;
				return;
			}
			// The snapshot is published; that old ones could not be forgotten does not undo it.
			instance.log.warning('Old snapshots could not be forgotten', { error });
		}
	}

	async #publish(
		instance: FleetInstance,
		request: Pick<PublishRequest, 'knownHead' | 'foreseenHead'> & { readonly orders: BackupOrders },
	): Promise<CycleEnd> {
		const { retention, guard, observe } = this.#parts;
		const outcome = await publishCycle({ instance, retention, guard, ...request });
		observe?.(outcome);
		const head = headOf(outcome);
		this.#newest = head ?? this.#newest;
		// Another leader's snapshot of the same moment may show up a little later: the next cycle looks once more.
		if (outcome.outcome === 'published') this.#headSeenAt = Number.NEGATIVE_INFINITY;
		else if (head !== null && wasPolled(outcome)) this.#headSeenAt = instance.now();
		if (outcome.outcome === 'published') this.#untidyHead = outcome.snapshot;
		return reportPublish(outcome, instance.catalog);
	}

	async #dropHeld(names: readonly string[]): Promise<void> {
		if (names.length === 0) return;
		const { heldRows } = this.state;
		const nameOf = ({ table, key }: HeldRow) => `${table}/${key}`;
		const unknown = names.filter((name) => !heldRows.some((row) => nameOf(row) === name));
		if (unknown.length > 0) {
			throw new ReplicatorError(`No row is set aside under the name ${unknown.join(', ')}.`, {
				code: 'refused',
				hint: `Set aside are: ${heldRows.map(nameOf).join(', ') || 'none'}.`,
			});
		}
		await this.#parts.instance.state.save({
			heldRows: heldRows.filter((row) => !names.includes(nameOf(row))),
		});
	}
}

function wasPolled(outcome: PublishOutcome): boolean {
	return outcome.outcome !== 'unchanged' || outcome.wasPolled;
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
