import { nudgeMark } from '../nudges/nudge-mark.ts';
import { createNtfySender, type NtfySenderOptions } from './ntfy-sender.ts';

/** Tells replicas that they should look into the repository. */
export interface Nudger {
	/** Never rejects. What is sent while another nudge is under way becomes one more after it. */
	nudge(): Promise<void>;
}

/** @returns nudges that go to an ntfy topic of their own, where no phone makes a sound. */
export function createNtfyNudger(
	options: Omit<NtfySenderOptions, 'variable'> & { readonly fleet: string },
): Nudger {
	const sender = createNtfySender({ ...options, variable: 'REPLICATOR_NUDGE_URL' });
	const message = {
		// The lowest priority, and not through Google's servers: only replicas have to know.
		headers: { Priority: '1', Firebase: 'no', Tags: nudgeMark(options.fleet) },
		body: 'There is a new snapshot.',
		kind: 'nudge',
	};
	let underWay: Promise<void> | null = null;
	let mustRepeat = false;

	async function send(): Promise<void> {
		do {
			mustRepeat = false;
			await sender.send(message);
		} while (mustRepeat);
		underWay = null;
	}
	return {
		nudge() {
			mustRepeat = underWay !== null;
			underWay ??= send();
			return underWay;
		},
	};
}
