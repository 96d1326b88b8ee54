import type { Bean, Kuma } from '../../src/agent/kuma/kuma.ts';
import { MaintenanceZone } from '../../src/agent/lists/maintenance-zone.ts';
import { MonitorStarts } from '../../src/agent/monitors/monitor-starts.ts';
import { reload } from '../../src/agent/reload.ts';
import { type AgentChange, NO_CHANGES } from '../../src/model/agent-protocol.ts';

type Tables = Readonly<Record<string, readonly Bean[]>>;

/** A Kuma of memory: its database, what it runs, and what it has sent to the page of its only user. */
export function runningKuma(
	database: Tables,
	parts: { monitors?: Record<string, Bean>; maintenances?: Record<string, Bean> },
) {
	const sent: string[] = [];
	const forgotten: number[] = [];
	const kuma: Kuma = {
		server: {
			io: { sockets: { sockets: new Map([['s', { userID: 1 }]]) } },
			monitorList: parts.monitors ?? {},
			maintenanceList: parts.maintenances ?? {},
			sendUpdateMonitorIntoList: (_socket, id) => sent.push(`update ${id}`),
			sendDeleteMonitorFromList: (_socket, id) => sent.push(`delete ${id}`),
		},
		beans: {
			find: async (table, where, ids) => {
				const rows = database[table] ?? [];
				return where.includes('id IN') ? rows.filter(({ id }) => ids.includes(id)) : [...rows];
			},
		},
		UptimeCalculator: { remove: (id) => forgotten.push(id) },
		Monitor: undefined,
		Maintenance: undefined,
		StatusPage: undefined,
		Settings: undefined,
		UptimeCacheList: undefined,
		Prometheus: undefined,
		metrics: undefined,
		client: undefined,
		apicache: undefined,
	};
	return { kuma, sent, forgotten };
}

/** Reloads these rows, of which the agent is told no columns. */
export function reloadRows(kuma: Kuma, ...rows: readonly Omit<AgentChange, 'columns'>[]) {
	const changes = { ...NO_CHANGES, rows: rows.map((row) => ({ ...row, columns: [] })), timezone: null };
	return reload({ kuma, starts: newStarts(), zone: new MaintenanceZone(), access: null }, changes);
}

/** Starts of which no failure is told to anybody. */
export const newStarts = () => new MonitorStarts(() => undefined);

/** A row as Kuma has it, active unless told otherwise. */
export function bean(id: number, life: Partial<Bean> = {}): Bean {
	return { id, active: 1, ...life };
}
