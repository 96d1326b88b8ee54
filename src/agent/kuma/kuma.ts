import { createRequire } from 'node:module';
import { join } from 'node:path';

/** A row of Kuma's as its own object, with what this agent calls of it. */
export interface Bean {
	readonly id: number;
	active?: unknown;
	readonly user_id?: unknown;
	readonly beanMeta?: { readonly type?: unknown; durationTimeout?: NodeJS.Timeout };
	/** A monitor's. */
	readonly type?: unknown;
	/** A running monitor's metrics. */
	prometheus?: unknown;
	/** A heartbeat's. */
	readonly monitor_id?: unknown;
	readonly name?: unknown;
	/** A maintenance's. */
	readonly timezone?: unknown;
	start?(io: unknown): unknown;
	stop?(): unknown;
	run?(throwError: boolean): unknown;
}

export interface KumaSocket {
	readonly userID?: unknown;
	emit?(event: string): unknown;
	disconnect?(): unknown;
}

export interface KumaServer {
	readonly io?: {
		readonly sockets?: { readonly sockets?: Map<string, KumaSocket> };
		emit?(event: string): unknown;
	};
	readonly httpServer?: { readonly listening?: boolean };
	monitorList?: Record<string, Bean>;
	maintenanceList?: Record<string, Bean>;
	entryPage?: unknown;
	sendMonitorList?(socket: KumaSocket): unknown;
	sendUpdateMonitorIntoList?(socket: KumaSocket, id: number): unknown;
	sendDeleteMonitorFromList?(socket: KumaSocket, id: number): unknown;
	sendMaintenanceListByUserID?(userId: unknown): unknown;
}

/** redbean-node's facade. */
export interface Beans {
	find?(type: string, where: string, values: readonly unknown[]): Promise<Bean[]>;
	store?(bean: Bean, ...rest: unknown[]): unknown;
	getAll?(sql: string): Promise<unknown[]>;
	getCell?(sql: string, values?: readonly unknown[]): Promise<unknown>;
	readonly knex?: { on?(event: string, listener: (...values: never[]) => void): unknown };
}

/** One of prom-client's. */
export interface Metric {
	readonly name?: string;
	labelNames?: readonly string[];
}

/** The parts of the running Kuma that the agent works with. Any of them may be missing in some version. */
export interface Kuma {
	readonly server: KumaServer | undefined;
	readonly beans: Beans | undefined;
	readonly Monitor: { readonly prototype?: { start?: unknown; stop?: unknown } } | undefined;
	readonly Maintenance: { readonly prototype?: { run?: unknown } } | undefined;
	readonly StatusPage:
		| {
				loadDomainMappingList?(): unknown;
				sendStatusPageList?(io: unknown, socket: KumaSocket): unknown;
		  }
		| undefined;
	readonly Settings: { cacheList?: Record<string, unknown>; get?(key: string): Promise<unknown> } | undefined;
	readonly UptimeCalculator:
		| { readonly list?: Readonly<Record<string, unknown>>; remove?(id: number): unknown }
		| undefined;
	/** What 2.0.0-dev.0 has instead of the calculator. */
	readonly UptimeCacheList:
		| { readonly list?: Readonly<Record<string, unknown>>; clearCache?(id: number): unknown }
		| undefined;
	readonly client: Readonly<Record<string, unknown>> | undefined;
	/** Labels its metrics with a monitor's tags, where it has this. */
	readonly Prometheus: { sanitizeForPrometheus?(text: string): string } | undefined;
	readonly metrics: { readonly register?: { getMetricsAsArray?(): Metric[] } } | undefined;
	readonly apicache: { clear?(): unknown } | undefined;
}

/** Finds the parts among the modules that Kuma has loaded by now; nothing is loaded for it. */
export function readKuma(root: string): Kuma {
	const requireOfKuma = createRequire(join(root, 'server', 'server.js'));
	const loaded = (path: string): Record<string, unknown> | undefined =>
		requireOfKuma.cache[join(root, 'server', path)]?.exports as Record<string, unknown> | undefined;
	const installed = (name: string): Record<string, unknown> | undefined => {
		try {
			return requireOfKuma.cache[requireOfKuma.resolve(name)]?.exports as Record<string, unknown> | undefined;
		} catch {
			return undefined;
		}
	};
	const part = (path: string, name: string): unknown => loaded(path)?.[name];
	const { getInstance } =
		(part('uptime-kuma-server.js', 'UptimeKumaServer') as { getInstance?(): unknown } | undefined) ?? {};
	const UptimeKumaServer = part('uptime-kuma-server.js', 'UptimeKumaServer');
	return {
		server: getInstance?.call(UptimeKumaServer) as Kuma['server'],
		beans: installed('redbean-node')?.R as Kuma['beans'],
		Monitor: loaded('model/monitor.js') as Kuma['Monitor'],
		Maintenance: loaded('model/maintenance.js') as Kuma['Maintenance'],
		StatusPage: loaded('model/status_page.js') as Kuma['StatusPage'],
		Settings: part('settings.js', 'Settings') as Kuma['Settings'],
		UptimeCalculator: part('uptime-calculator.js', 'UptimeCalculator') as Kuma['UptimeCalculator'],
		UptimeCacheList: part('uptime-cache-list.js', 'UptimeCacheList') as Kuma['UptimeCacheList'],
		Prometheus: part('prometheus.js', 'Prometheus') as Kuma['Prometheus'],
		metrics: installed('prom-client') as Kuma['metrics'],
		client: loaded('client.js'),
		apicache: loaded('modules/apicache/index.js') as Kuma['apicache'],
	};
}
