import { randomUUID } from 'node:crypto';
import type { StateStore } from '../model/instance.ts';
import { freshState, loadState, saveState } from './state-folder/state-file.ts';

/** Opens what this instance remembers; saves are durable and follow one another. */
export async function openStateStore(path: string): Promise<StateStore> {
	let state = await loadState(path, randomUUID);
	let queue = Promise.resolve();
	return {
		read: () => state,
		save(change) {
			const saved = queue.then(async () => {
				const next = { ...state, ...change };
				await saveState(path, next);
				state = next;
			});
			// A save that failed is its caller's failure; the next one is made all the same.
			queue = saved.catch(() => undefined);
			return saved;
		},
	};
}

/** The state of an instance that takes no part in a fleet: nothing to remember, and nothing may be saved. */
export function guestState(instanceId: string): StateStore {
	const state = freshState(instanceId);
	return {
		read: () => state,
		save: () => Promise.reject(new Error('a command that only reads has nothing to save')),
	};
}
