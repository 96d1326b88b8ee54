import { describeMissingBeats, MISSING_BEATS_HINT } from '../../model/missing-beats.ts';
import { sentence } from '../../model/sentence.ts';
import type { Status, Trouble } from '../../model/status.ts';
import { EXIT_CODES } from '../exit-code.ts';
import { formatTime } from './print.ts';

/** What is wrong, as people see it. */
export interface ShownTrouble {
	/** At most 11 characters. */
	readonly title: string;
	readonly text: string;
	/** The way out; null where the text says it. */
	readonly hint: string | null;
}

/** @returns what is wrong, the worst first: what keeps Kuma from monitoring, then what keeps it from being replicated. */
export function troublesOf(status: Status): readonly ShownTrouble[] {
	const { kuma, replication, lastError, unexpectedErrors } = status;
	const notRunning = describeKumaDown(kuma);
	const downs = [...(replication.trouble === null ? [] : [replication.trouble]), ...status.troubles];
	return [
		...(notRunning === null ? [] : [{ title: 'Not running', ...notRunning }]),
		...(kuma.beats.state === 'missing'
			? [{ title: 'No beats', text: describeMissingBeats(kuma.beats), hint: MISSING_BEATS_HINT }]
			: []),
		...downs.map(showDown),
		...(lastError === null
			? []
			: [
					{
						title: 'Last error',
						text: `${formatTime(lastError.at)}: ${lastError.message}`,
						hint: lastError.hint,
					},
				]),
		...kuma.agent.problems.map((problem) => ({
			title: 'Not yet up',
			text: `${problem}; it is tried again`,
			hint: null,
		})),
		...showUnexpected(unexpectedErrors),
	];
}

/** @returns what `status` exits with; null stands for a replicator-kuma that is not running. */
export function exitCodeOfStatus(status: Status | null): number {
	if (status === null) return EXIT_CODES.notAvailable;
	const { kuma, replication, troubles, lastError, lastCycle } = status;
	const isDown = replication.state === 'down' || troubles.length > 0;
	const isKumaTroubled =
		describeKumaDown(kuma) !== null || kuma.beats.state === 'missing' || kuma.agent.problems.length > 0;
	if (lastError !== null || isDown || isKumaTroubled) return EXIT_CODES.failed;
	return lastCycle?.needsDecision === true ? EXIT_CODES.needsDecision : EXIT_CODES.done;
}

/** @returns what there is to say of a Kuma that does not run; null while it does, or is being started or stopped. */
export function describeKumaDown({
	state,
}: Pick<Status['kuma'], 'state'>): Omit<ShownTrouble, 'title'> | null {
	switch (state) {
		case 'starting':
		case 'running':
		case 'stopping':
			return null;
		case 'backing-off':
			return {
				text: 'Uptime Kuma has ended or could not be started; it is started again automatically.',
				hint: "Its own output and replicator-kuma's log say why.",
			};
		case 'stopped':
			return { text: 'Uptime Kuma is stopped.', hint: 'Start it with "replicator-kuma run".' };
	}
}

function showDown({ part, message, hint, retryAt }: Trouble): ShownTrouble {
	const again = retryAt === null ? '' : ` It is tried again at ${formatTime(retryAt)}.`;
	return { title: 'Down', text: `${part}: ${sentence(message)}${again}`, hint };
}

function showUnexpected({ count, last }: Status['unexpectedErrors']): ShownTrouble[] {
	if (last === null) return [];
	const text = `${count} since the start, the last one ${formatTime(last.at)}: ${last.message}`;
	return [{ title: 'Unexpected', text, hint: 'Please report them with the lines of the log.' }];
}
