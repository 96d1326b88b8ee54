import type { Instance } from '../../model/instance.ts';
import type { Origin } from '../../model/snapshot.ts';
import type { TakenTables } from '../../snapshot/take.ts';
import { findTimezone } from './find-timezone.ts';

/** @returns where a snapshot of this instance comes from. */
export function originOf(instance: Instance, taken: TakenTables): Origin {
	return {
		productVersion: instance.productVersion,
		kumaVersion: instance.kuma.version,
		databaseKind: taken.kind,
		hostname: instance.hostname,
		instanceId: instance.state.read().instanceId,
		timezone: findTimezone(taken.settings.get('serverTimezone')),
	};
}
