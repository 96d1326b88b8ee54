import { readlinkSync, statSync } from 'node:fs';

const ZONES = '/usr/share/zoneinfo/';
const SYSTEM_ZONE = '/etc/localtime';
/** Continents and oceans: what else lies there is no zone, or none to everybody. */
const PLAIN_NAME =
	/^(?:Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)(?:\/[A-Za-z0-9_+-]+){1,2}$/;
const UTC = ['UTC', 'Etc/UTC'];

/**
 * The zone that Kuma runs in, found as Kuma finds it (its getTimezone): the environment's TZ, then its own setting,
 * then the system's.
 *
 * Where the system's files tell, they are asked: `Intl` takes 8 MB, once and for as long as the process lives.
 * @param setting Kuma's setting `serverTimezone` as it is stored.
 */
export function findTimezone(setting: string | null | undefined): string {
	for (const zone of [process.env.TZ, setting?.replace(/^"(.*)"$/, '$1')]) {
		if (zone !== undefined && zone !== '' && isZone(zone)) return zone;
	}
	return systemZone() ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function isZone(zone: string): boolean {
	if (zone === 'UTC' || (PLAIN_NAME.test(zone) && isFile(`${ZONES}${zone}`))) return true;
	try {
		Intl.DateTimeFormat('en', { timeZone: zone });
		return true;
	} catch {
		return false;
	}
}

function isFile(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
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
