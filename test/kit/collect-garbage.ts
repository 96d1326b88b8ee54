import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Vitest starts its workers without the flag, and what is exposed is seen in new contexts only.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Collects garbage until `work` is done: whatever it waits for must be held by somebody. @returns what it came to. */
export async function collectingGarbage<Result>(work: Promise<Result>): Promise<Result> {
	const timer = setInterval(collect, 20);
	try {
		return await work;
	} finally {
		clearInterval(timer);
	}
}
