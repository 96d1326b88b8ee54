import type { Capabilities } from '../../model/agent-protocol.ts';
import type { Kuma } from './kuma.ts';
import type { ServerAccess } from './server-access.ts';

/** What was found while Kuma's modules were loaded. */
export interface Hooked {
	hasGate: boolean;
	hasMonitorStarts: boolean;
	hasZone: boolean;
	hasPrefix: boolean;
	hasChangeEvents: boolean;
	hasBeats: boolean;
	access: ServerAccess | null;
}

/** Looks for everything that the agent will call; features count, not versions. */
export function findCapabilities(kuma: Kuma, hooked: Hooked): Capabilities {
	const { server, beans, Monitor, Maintenance, StatusPage, Settings, client, Prometheus, metrics } = kuma;
	const need = (parts: Readonly<Record<string, unknown>>): true | string => {
		const missing = Object.entries(parts).flatMap(([name, part]) => (part ? [] : [name]));
		return missing.length === 0 ? true : `this Kuma has no ${missing.join(', ')}`;
	};
	return {
		'start gate': need({ 'Database.patch': hooked.hasGate }),
		'first user': need({ needSetup: hooked.access !== null && 'needSetup' in hooked.access }),
		monitors: need({
			monitorList: server?.monitorList,
			'Monitor.start': hooked.hasMonitorStarts,
			'Monitor.stop': typeof Monitor?.prototype?.stop === 'function',
			startMonitors: hooked.access?.wrapStartMonitors,
			'R.find': beans?.find,
		}),
		'metric labels': need({
			// Without it, tags are no labels.
			'prom-client': Prometheus?.sanitizeForPrometheus === undefined || metrics?.register?.getMetricsAsArray,
		}),
		maintenances: need({
			maintenanceList: server?.maintenanceList,
			'Maintenance.run': typeof Maintenance?.prototype?.run === 'function',
			'R.find': beans?.find,
		}),
		'maintenance time zone': need({ 'Maintenance.getTimezone': hooked.hasZone }),
		'status pages': need({ loadDomainMappingList: StatusPage?.loadDomainMappingList }),
		settings: need({ 'Settings.cacheList': Settings?.cacheList, 'Settings.get': Settings?.get }),
		users: need({ 'io.sockets': server?.io?.sockets?.sockets }),
		lists: need({
			sendMonitorList: server?.sendMonitorList,
			sendMaintenanceListByUserID: server?.sendMaintenanceListByUserID,
			sendStatusPageList: StatusPage?.sendStatusPageList,
			sendNotificationList: client?.sendNotificationList,
		}),
		'notification prefix': need({ 'Notification.send': hooked.hasPrefix }),
		beats: need({ 'R.store': hooked.hasBeats }),
		'change events': need({ 'knex.on': hooked.hasChangeEvents }),
	};
}
