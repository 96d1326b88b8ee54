import { readlinkSync } from 'node:fs';
import { isTimezone, toTimezone } from '../../model/timezone.ts';

const ZONES = '/usr/share/zoneinfo/';
const SYSTEM_ZONE = '/etc/localtime';
const UTC = ['UTC', 'Etc/UTC'];

/** A zone that somebody has set and that is none. */
export interface IgnoredTimezone {
	/** The environment's variable, or Kuma's setting. */
	readonly source: 'TZ' | 'serverTimezone';
	readonly value: string;
}

/**
 * The zone that Kuma runs in, found as Kuma finds it (its getTimezone): the environment's TZ, then its own setting,
 * then what Node makes of the system, and UTC in place of anything that `Intl` does not accept.
 * @param setting Kuma's setting `serverTimezone` as it is stored.
 */
export function findTimezone(setting: string | null | undefined): string {
	return judgeTimezone(setting).timezone;
}

/** @returns that zone, and what was set but is no zone. */
export function judgeTimezone(setting: string | null | undefined): {
	readonly timezone: string;
	readonly ignored: readonly IgnoredTimezone[];
} {
	const candidates = [
		{ source: 'TZ', value: process.env.TZ },
		{ source: 'serverTimezone', value: readSetting(setting) },
	] as const;
	const ignored: IgnoredTimezone[] = [];
	for (const { source, value } of candidates) {
		// As for Kuma, an empty one is none.
		if (value === undefined || value === '') continue;
		if (isTimezone(value)) return { timezone: value, ignored };
		ignored.push({ source, value });
	}
	return { timezone: systemZone() ?? toTimezone(Intl.DateTimeFormat().resolvedOptions().timeZone), ignored };
}

/** Kuma stores JSON, and takes what is none as it stands. */
function readSetting(stored: string | null | undefined): string {
	if (stored === null || stored === undefined) return '';
	let value: unknown;
	try {
		value = JSON.parse(stored);
	} catch {
		return stored;
	}
	return value ? String(value) : '';
}

/** @returns the zone that the system's link names when that is UTC, the only one without other names; else null. TZ, however wrong, overrules it. */
function systemZone(): string | null {
	if (process.env.TZ !== undefined) return null;
	let target: string;
	try {
		target = readlinkSync(SYSTEM_ZONE);
	} catch {
		// A file of its own, or none: Intl knows what that means.
		return null;
	}
	return target.startsWith(ZONES) && UTC.includes(target.slice(ZONES.length)) ? 'UTC' : null;
}
