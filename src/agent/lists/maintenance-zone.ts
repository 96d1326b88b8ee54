import { isTimezone, toTimezone } from '../../model/timezone.ts';

const SAME_AS_SERVER = 'SAME_AS_SERVER';
const NAME_LENGTH_MAX = 40;

/**
 * A maintenance "in the server's time zone" means the zone of the leader, whose people wrote it. Where this server
 * stands in another zone, such windows are evaluated in the leader's; the rows stay as they are.
 *
 * Kuma is handed no zone that its own `Intl` does not accept: each of its beats would throw.
 */
export class MaintenanceZone {
	#zone: string | null = null;
	#isPending = false;

	/** @param zone an IANA name, or null for this server's own; undefined: the one that it is. */
	set(zone: string | null | undefined): void {
		if (zone === undefined) return;
		this.#isPending ||= zone !== this.#zone;
		this.#zone = zone;
	}

	/** Whether there are maintenances that were begun in another zone than the one that was set last. */
	get isPending(): boolean {
		return this.#isPending;
	}

	/** Every maintenance has been begun in the zone that was set last. */
	settle(): void {
		this.#isPending = false;
	}

	/** @returns which zones are taken for UTC: the leader's, or that of one of these maintenances. */
	problems(maintenances: Iterable<{ readonly timezone?: unknown }>): string[] {
		const own = [...maintenances].flatMap((each) => (isServers(each) ? [] : [each.timezone]));
		const unknown = [...(this.#zone === null ? [] : [this.#zone]), ...own].filter(
			(zone) => !isTimezone(zone),
		);
		const names = new Set(unknown.map((zone) => JSON.stringify(String(zone).slice(0, NAME_LENGTH_MAX))));
		return [...names].map((name) => `this Kuma does not know the time zone ${name}, and takes it for UTC`);
	}

	/** @param maintenanceClass Kuma's class Maintenance. @returns whether it is as expected. */
	install(maintenanceClass: unknown): boolean {
		const { prototype } = (maintenanceClass ?? {}) as { prototype?: { getTimezone?: unknown } };
		const getTimezone = prototype?.getTimezone;
		if (prototype === undefined || typeof getTimezone !== 'function') return false;
		const zone = () => this.#zone;
		prototype.getTimezone = async function (this: { timezone?: unknown }) {
			const leadersZone = zone();
			// A maintenance may have a zone of its own that only a newer Node knows.
			return toTimezone(isServers(this) && leadersZone !== null ? leadersZone : await getTimezone.call(this));
		};
		return true;
	}
}

function isServers({ timezone }: { readonly timezone?: unknown }): boolean {
	return !timezone || timezone === SAME_AS_SERVER;
}
