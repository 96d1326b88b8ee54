import { prepareStandIn, type StandInPaths } from '../instance/state-folder/stand-in-directory.ts';
import { asFailure } from '../log/as-failure.ts';
import type { Log } from '../model/log.ts';
import { type Controlled, serveControl } from './control-server.ts';

/** The control socket, in the data directory or, until that is possible, in the folder that stands in for it. */
export interface Control {
	/**
	 * Begins to answer.
	 * @throws ReplicatorError when it cannot listen in the data directory; it answers at the other place then, if it can.
	 */
	open(): Promise<void>;
	close(): Promise<void>;
}

/** Puts together how other commands ask the running service. */
export function createControl(parts: {
	readonly path: string;
	readonly standIn: StandInPaths;
	readonly controlled: Controlled;
	readonly log: Log;
}): Control {
	const { path, standIn, controlled, log } = parts;
	let close: (() => Promise<void>) | null = null;
	let closeStandIn: (() => Promise<void>) | null = null;

	async function openStandIn(): Promise<void> {
		try {
			await prepareStandIn(standIn);
			closeStandIn = await serveControl(standIn.controlSocket, controlled, log);
			log.warning('Commands find this process at another place for now', { path: standIn.controlSocket });
		} catch (thrown) {
			log.debug('There is no other place for the control socket either', { error: asFailure(thrown) });
		}
	}

	return {
		async open() {
			try {
				close = await serveControl(path, controlled, log);
			} catch (error) {
				if (closeStandIn === null) await openStandIn();
				throw error;
			}
			await closeStandIn?.();
			closeStandIn = null;
		},
		async close() {
			await close?.();
			await closeStandIn?.();
		},
	};
}
