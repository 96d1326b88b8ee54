const SAME_AS_SERVER = 'SAME_AS_SERVER';

/**
 * A maintenance "in the server's time zone" means the zone of the leader, whose people wrote it. Where this server
 * stands in another zone, such windows are evaluated in the leader's; the rows stay as they are.
 */
export class MaintenanceZone {
	#zone: string | null = null;

	/** @param zone an IANA name, or null for this server's own. @returns whether it is another one than before. */
	set(zone: string | null): boolean {
		const isNew = this.#zone !== zone;
		this.#zone = zone;
		return isNew;
	}

	/** @param maintenanceClass Kuma's class Maintenance. @returns whether it is as expected. */
	install(maintenanceClass: unknown): boolean {
		const { prototype } = (maintenanceClass ?? {}) as { prototype?: { getTimezone?: unknown } };
		const getTimezone = prototype?.getTimezone;
		if (prototype === undefined || typeof getTimezone !== 'function') return false;
		const zone = () => this.#zone;
		prototype.getTimezone = async function (this: { timezone?: unknown }) {
			const leadersZone = zone();
			const isServers = !this.timezone || this.timezone === SAME_AS_SERVER;
			return isServers && leadersZone !== null ? leadersZone : getTimezone.call(this);
		};
		return true;
	}
}
