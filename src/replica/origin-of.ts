import type { Instance } from '../model/instance.ts';
import type { Origin } from '../model/snapshot.ts';
import type { TakenTables } from '../snapshot/take.ts';

/** @returns where a snapshot of this instance comes from. */
export function originOf(instance: Instance, taken: TakenTables): Origin {
	return {
		productVersion: instance.productVersion,
		kumaVersion: instance.kuma.version,
		databaseKind: taken.kind,
		hostname: instance.hostname,
		instanceId: instance.state.read().instanceId,
		timezone: timezoneOf(taken),
	};
}

/**
 * The zone that Kuma runs in, found as Kuma finds it (its getTimezone): the environment's TZ, then its own setting,
 * then the system's.
 */
function timezoneOf(taken: TakenTables): string {
	const setting = taken.settings.get('serverTimezone');
	for (const zone of [process.env.TZ, setting?.replace(/^"(.*)"$/, '$1')]) {
		if (zone !== undefined && zone !== '' && isZone(zone)) return zone;
	}
	return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function isZone(zone: string): boolean {
	try {
		Intl.DateTimeFormat('en', { timeZone: zone });
		return true;
	} catch {
		return false;
	}
}
