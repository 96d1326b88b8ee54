/** Runs pieces of work one after another, in the order in which they were handed in. */
export class SerialQueue {
	#last: Promise<unknown> = Promise.resolve();

	/** @returns what `work` gives; that it fails does not keep the next piece from running. */
	run<Result>(work: () => Promise<Result>): Promise<Result> {
		const result = this.#last.then(work, work);
		this.#last = result;
		return result;
	}
}
