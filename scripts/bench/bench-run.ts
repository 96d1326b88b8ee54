import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What one run of the bench has: how much to measure, and everything that it must end again. */
export class BenchRun {
	/** A few edits, and no 10,000 monitors. */
	readonly isQuick: boolean;
	readonly #endings: (() => Promise<unknown>)[] = [];

	constructor(options: { readonly isQuick: boolean }) {
		this.isQuick = options.isQuick;
	}

	/** Says on standard error what is being done: standard output is for the table. */
	say(text: string): void {
		process.stderr.write(`${text}\n`);
	}

	/** Has something ended by {@link end}, the last that was begun first. */
	ends(ending: () => Promise<unknown>): void {
		this.#endings.push(ending);
	}

	/** @returns a new private directory. */
	async directory(label: string): Promise<string> {
		const path = await mkdtemp(join(tmpdir(), `replicator-kuma-bench-${label}-`));
		this.ends(() => rm(path, { recursive: true, force: true }));
		return path;
	}

	/** Measures a part, and ends what it has begun before the next one. */
	async part<Result>(measure: (part: BenchRun) => Promise<Result>): Promise<Result> {
		const part = new BenchRun({ isQuick: this.isQuick });
		const end = async () => {
			const failures = await part.end();
			if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '));
		};
		this.ends(end);
		const result = await measure(part);
		await end();
		return result;
	}

	/** Ends whatever was begun, whatever fails meanwhile. @returns what failed. */
	async end(): Promise<unknown[]> {
		const failures: unknown[] = [];
		for (let ending = this.#endings.pop(); ending !== undefined; ending = this.#endings.pop()) {
			try {
				await ending();
			} catch (error) {
				failures.push(error);
			}
		}
		return failures;
	}
}
