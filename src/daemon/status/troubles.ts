import { asThrown } from '../../log/as-failure.ts';
import { maskSecrets } from '../../log/secrets.ts';
import type { Log } from '../../model/log.ts';
import type { ReplicatorError } from '../../model/replicator-error.ts';
import type { Trouble } from '../../model/status.ts';

export interface TroublesOptions {
	readonly log: Log;
	/** Called when a trouble begins, or becomes one of another kind. */
	readonly onTrouble: (part: string, error: ReplicatorError) => void;
	readonly onOver: (part: string) => void;
}

/** What does not work beside Kuma, as a status shows it. What is the same as before is no news. */
export class Troubles {
	readonly #options: TroublesOptions;
	readonly #byPart = new Map<string, Trouble>();

	constructor(options: TroublesOptions) {
		this.#options = options;
	}

	get all(): readonly Trouble[] {
		return [...this.#byPart.values()];
	}

	of(part: string): Trouble | null {
		return this.#byPart.get(part) ?? null;
	}

	/** @param next.retryInMs when it is tried again; null: not by itself, or at once. */
	report(part: string, error: ReplicatorError, next: { readonly retryInMs: number | null }): void {
		const { log, onTrouble } = this.#options;
		const before = this.of(part);
		const message = maskSecrets(error.message);
		// Words may hold what is another one each time; nobody is to be woken up for that.
		const isOther = before?.code !== error.code;
		const { retryInMs } = next;
		this.#byPart.set(part, {
			part,
			code: error.code,
			message,
			hint: error.hint ?? null,
			since: before?.since ?? new Date().toISOString(),
			retryAt: retryInMs === null ? null : new Date(Date.now() + retryInMs).toISOString(),
		});
		const write = isOther || before.message !== message ? log.error : log.debug;
		write('Something does not work; Kuma runs all the same', { part, error: asThrown(error), retryInMs });
		if (isOther) onTrouble(part, error);
	}

	clear(part: string): void {
		if (!this.#byPart.delete(part)) return;
		this.#options.log.info('It works again', { part });
		this.#options.onOver(part);
	}
}
