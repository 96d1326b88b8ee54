import { judgeTimezone } from '../../instance/snapshots/find-timezone.ts';
import { type Finding, ok } from './finding.ts';

const CHECK = 'time zone';

const HINTS = {
	TZ: 'Set TZ to a name such as Europe/Berlin, without quotes and spaces, or remove it.',
	serverTimezone: "Choose the server's time zone again in Kuma's settings.",
} as const;

/**
 * Names what is set as a time zone and is none: Kuma ignores it without a word, and maintenances that follow the
 * server's time zone begin at an hour that nobody meant.
 * @param setting Kuma's setting `serverTimezone` as it is stored.
 */
export function checkTimezone(setting: string | null | undefined): Finding[] {
	const { timezone, ignored } = judgeTimezone(setting);
	if (ignored.length === 0) return [ok(CHECK, `Kuma runs in ${timezone}.`)];
	return ignored.map(({ source, value }) => ({
		check: CHECK,
		verdict: 'warning',
		message: `${source === 'TZ' ? 'TZ' : 'The setting serverTimezone'} is ${JSON.stringify(value)}, which is not a time zone; Kuma ignores it and runs in ${timezone}.`,
		hint: HINTS[source],
	}));
}
