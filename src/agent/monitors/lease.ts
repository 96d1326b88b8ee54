import { type AgentChanges, LEASE_MAX_MS } from '../../model/agent-protocol.ts';
import { mergeChanges } from '../lists/merge-changes.ts';

/** What was stopped and is waiting for its reload. */
export class Lease {
	readonly #onOver: (changes: AgentChanges) => void;
	#changes: AgentChanges | null = null;
	#owner: object | null = null;
	#timer: NodeJS.Timeout | undefined;
	#endsAt = 0;

	/** @param onOver called when nobody reloads in time, or who stopped is gone. */
	constructor(onOver: (changes: AgentChanges) => void) {
		this.#onOver = onOver;
	}

	/** Begins, or joins what is still open to it. */
	begin(owner: object, changes: AgentChanges, leaseMs: number): void {
		if (this.#changes === null) this.#endsAt = performance.now() + LEASE_MAX_MS;
		this.#changes = this.#changes === null ? changes : mergeChanges(this.#changes, changes);
		this.#owner = owner;
		this.renew(leaseMs);
	}

	/** Adds what else is to be taken up when the lease ends. @returns whether there is one. */
	join(changes: AgentChanges): boolean {
		if (this.#changes === null) return false;
		this.#changes = mergeChanges(this.#changes, changes);
		return true;
	}

	renew(leaseMs: number): void {
		if (this.#changes === null) return;
		clearTimeout(this.#timer);
		const leftMs = Math.max(0, this.#endsAt - performance.now());
		this.#timer = setTimeout(() => this.#end(), Math.min(leaseMs, leftMs));
		// A Kuma that is about to end need not wait for it.
		this.#timer.unref();
	}

	/** The owner is gone. */
	abandon(owner: object): void {
		if (this.#owner === owner) this.#end();
	}

	/** Ends the lease. @returns `changes`, and what was stopped before. */
	settle(changes: AgentChanges): AgentChanges {
		const open = this.#take();
		return open === null ? changes : mergeChanges(open, changes);
	}

	#end(): void {
		const open = this.#take();
		if (open !== null) this.#onOver(open);
	}

	#take(): AgentChanges | null {
		clearTimeout(this.#timer);
		const open = this.#changes;
		this.#changes = null;
		this.#owner = null;
		return open;
	}
}
