import type { AgentChanges } from '../model/agent-protocol.ts';

/** What was stopped and is waiting for its reload. */
export class Lease {
	readonly #onOver: (changes: AgentChanges) => void;
	#changes: AgentChanges | null = null;
	#owner: object | null = null;
	#timer: NodeJS.Timeout | undefined;

	/** @param onOver called when nobody reloads in time, or who stopped is gone. */
	constructor(onOver: (changes: AgentChanges) => void) {
		this.#onOver = onOver;
	}

	/** Begins, or joins what is still open to it. */
	begin(owner: object, changes: AgentChanges, leaseMs: number): void {
		this.#changes = this.#changes === null ? changes : mergeChanges(this.#changes, changes);
		this.#owner = owner;
		this.renew(leaseMs);
	}

	renew(leaseMs: number): void {
		if (this.#changes === null) return;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => this.#end(), leaseMs);
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

function mergeChanges(left: AgentChanges, right: AgentChanges): AgentChanges {
	return {
		rows: [...left.rows, ...right.rows],
		retaggedMonitors: [...left.retaggedMonitors, ...right.retaggedMonitors],
		relinkedMonitors: [...left.relinkedMonitors, ...right.relinkedMonitors],
		settings: [...left.settings, ...right.settings],
		timezone: right.timezone,
	};
}
