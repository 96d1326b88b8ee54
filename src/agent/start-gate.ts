import type { AgentPhase } from '../model/agent-protocol.ts';
import { agentLog, guarded } from './agent-log.ts';

interface PatchedDatabase {
	patch?(...values: unknown[]): unknown;
}

/**
 * Holds Kuma after its migrations and before it looks for users and starts monitors, so that what the fleet has can be
 * applied first. Bounded by a timer of its own: monitoring is never hostage to replication.
 */
export class StartGate {
	#holdMs: number | null;
	readonly #onPhase: (phase: AgentPhase) => void;
	#phase: AgentPhase = 'starting';
	#open: () => void = () => {};

	constructor(options: { readonly holdMs: number | null; readonly onPhase: (phase: AgentPhase) => void }) {
		this.#holdMs = options.holdMs;
		this.#onPhase = options.onPhase;
	}

	get phase(): AgentPhase {
		return this.#phase;
	}

	/**
	 * @param database Kuma's class Database, whose `patch` migrates.
	 * @param onMigrated called before the gate.
	 * @returns whether there is a gate.
	 */
	install(database: unknown, onMigrated: () => void): boolean {
		const target = database as PatchedDatabase;
		const { patch } = target;
		if (typeof patch !== 'function') return false;
		const hold = () => this.#hold();
		target.patch = async function (this: unknown, ...values: unknown[]) {
			const result = await patch.apply(this, values);
			guarded('what follows the migrations', onMigrated);
			await hold();
			return result;
		};
		return true;
	}

	/** Where there is no gate, nobody can tell a Kuma that starts from one that runs. */
	skip(): void {
		this.#enter('running');
	}

	/** Nobody can come to release it, so that Kuma need not wait. */
	giveUp(): void {
		this.#holdMs = null;
		this.#open();
	}

	/** Lets Kuma go on; without effect when it is not held. */
	release(): void {
		this.#open();
	}

	async #hold(): Promise<void> {
		const holdMs = this.#holdMs;
		if (holdMs !== null) {
			await new Promise<void>((resolve) => {
				const timer = setTimeout(() => {
					agentLog(`nothing was applied within ${holdMs / 1000} s; Kuma starts with what it has`);
					resolve();
				}, holdMs);
				this.#open = () => {
					clearTimeout(timer);
					resolve();
				};
				this.#enter('held');
			});
		}
		this.#enter('running');
	}

	#enter(phase: AgentPhase): void {
		this.#phase = phase;
		guarded(`telling that Kuma is ${phase}`, () => this.#onPhase(phase));
	}
}
