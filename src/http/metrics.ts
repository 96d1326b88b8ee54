import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import type { RowChange } from '../model/plan.ts';
import type { ReloadReport } from '../model/reload.ts';
import type { StageDurations } from '../model/stages.ts';
import type { Status } from '../model/status.ts';

/** From a query of SQLite to a publish into a slow cloud. */
const DURATION_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** What is counted while the product runs, and how it is told. */
export interface Metrics {
	/** One cycle, or one command, came to an end; `failed` when it threw. */
	observeCycle(cycle: {
		readonly outcome: string;
		readonly durationMs: number;
		readonly stages: StageDurations;
	}): void;
	observeResticCall(call: {
		readonly command: string;
		readonly outcome: string;
		readonly durationMs: number;
	}): void;
	/** Somebody asked over HTTP; what is streamed counts when it begins. */
	observeRequest(request: { readonly route: string; readonly status: number }): void;
	/** A plan was carried out. */
	observeApply(changes: readonly Pick<RowChange, 'table' | 'kind'>[]): void;
	observeReload(report: ReloadReport): void;
	/** How many rows each replicated table has, in the snapshot that was published or applied last. */
	observeRows(tables: readonly { readonly name: string; readonly rowCount: number }[]): void;
	/** For the header of what `render` gives. */
	readonly contentType: string;
	/** @returns everything as OpenMetrics text, and what the status tells as it is now. */
	render(): Promise<string>;
}

export function createMetrics(sources: {
	readonly status: () => Status;
	/** How many replicas listen to this instance. */
	readonly eventClientCount: () => number;
}): Metrics {
	const registry = new Registry<OpenMetricsContentType>();
	registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
	const registers = [registry];
	addStatusMetrics(registry, sources);
	addProcessMetrics(registry);
	const cycles = new Histogram({
		name: 'replicator_kuma_cycle_duration_seconds',
		help: 'Cycles by what they came to, and how long they took',
		labelNames: ['outcome'],
		buckets: DURATION_BUCKETS,
		registers,
	});
	const stageDurations = new Histogram({
		name: 'replicator_kuma_stage_duration_seconds',
		help: 'What cycles that did not fail spent their time on',
		labelNames: ['stage'],
		buckets: DURATION_BUCKETS,
		registers,
	});
	const resticCalls = new Histogram({
		name: 'replicator_kuma_restic_call_duration_seconds',
		help: 'Processes of restic by command and how they ended, and how long they ran',
		labelNames: ['command', 'outcome'],
		buckets: DURATION_BUCKETS,
		registers,
	});
	const requests = new Counter({
		name: 'replicator_kuma_http_requests_total',
		help: 'Requests that were answered over HTTP, by what was asked for; a stream of events counts when it begins',
		labelNames: ['route', 'status'],
		registers,
	});
	const changes = new Counter({
		name: 'replicator_kuma_applied_changes_total',
		help: 'Rows that were added, changed, removed or replaced in the database of this instance',
		labelNames: ['table', 'kind'],
		registers,
	});
	const reloads = new Counter({
		name: 'replicator_kuma_reloads_total',
		help: 'How often Kuma took up what was applied: while it ran (reloaded), by a restart, or not running at all',
		labelNames: ['outcome'],
		registers,
	});
	const reloadDuration = new Histogram({
		name: 'replicator_kuma_reload_duration_seconds',
		help: 'How long Kuma took to take up what was applied, while it ran',
		buckets: DURATION_BUCKETS,
		registers,
	});
	const blindness = new Counter({
		name: 'replicator_kuma_blind_seconds_total',
		help: 'How long Kuma did not run because it was restarted to take something up',
		registers,
	});
	const rows = new Gauge({
		name: 'replicator_kuma_rows',
		help: 'Rows of each replicated table in the snapshot that was published or applied last',
		labelNames: ['table'],
		registers,
	});
	return {
		observeCycle: ({ outcome, durationMs, stages }) => {
			cycles.observe({ outcome }, durationMs / 1000);
			for (const [stage, ms] of Object.entries(stages)) stageDurations.observe({ stage }, ms / 1000);
		},
		observeResticCall: ({ command, outcome, durationMs }) =>
			resticCalls.observe({ command, outcome }, durationMs / 1000),
		observeRequest: ({ route, status }) => requests.inc({ route, status }),
		observeApply: (applied) => {
			for (const { table, kind } of applied) changes.inc({ table, kind });
		},
		observeReload: (report) => {
			reloads.inc({ outcome: report.outcome });
			if (report.outcome === 'reloaded') reloadDuration.observe(report.durationMs / 1000);
			if (report.outcome === 'restarted') blindness.inc(report.blindMs / 1000);
		},
		observeRows: (tables) => {
			rows.reset();
			for (const { name, rowCount } of tables) rows.set({ table: name }, rowCount);
		},
		contentType: registry.contentType,
		render: () => registry.metrics(),
	};
}

/** What the status knows is read when it is asked for: it cannot differ from the status then. */
function addStatusMetrics(
	registry: Registry<OpenMetricsContentType>,
	sources: Parameters<typeof createMetrics>[0],
): void {
	const gauge = (name: string, help: string, read: (status: Status) => number | null): void => {
		new Gauge({
			name: `replicator_kuma_${name}`,
			help,
			registers: [registry],
			collect() {
				const value = read(sources.status());
				// What is not known is left out; a 0 would say that it is.
				if (value === null) this.remove();
				else this.set(value);
			},
		});
	};
	gauge(
		'lag_seconds',
		'Since when the newest snapshot is published and not applied here; 0 when it is',
		(status) => (status.lagMs === null ? null : status.lagMs / 1000),
	);
	gauge('last_success_timestamp_seconds', 'When a cycle succeeded last', ({ lastSuccessAt }) =>
		lastSuccessAt === null ? null : Date.parse(lastSuccessAt) / 1000,
	);
	gauge('newest_generation', 'Generation of the newest snapshot in the repository', ({ newest }) =>
		newest === null ? null : newest.generation,
	);
	gauge('applied_generation', 'Generation of the snapshot published or applied last', ({ applied }) =>
		applied === null ? null : applied.generation,
	);
	gauge('replication_up', 'Whether replication works as a whole; 0 while it is starting or down', (status) =>
		Number(status.replication.state === 'working'),
	);
	gauge('troubles', 'How much beside Kuma and replication does not work', (status) => status.troubles.length);
	gauge('held_rows', 'Rows that could not be applied as they are', ({ heldRows }) => heldRows.length);
	gauge(
		'needs_decision',
		'Whether a person must decide something before replication goes on',
		({ lastCycle }) => Number(lastCycle?.needsDecision === true),
	);
	gauge('kuma_running', 'Whether Kuma runs', ({ kuma }) => Number(kuma.state === 'running'));
	gauge('agent_connected', 'Whether the agent inside of Kuma is connected', ({ kuma }) =>
		Number(kuma.agent.isConnected),
	);
	gauge(
		'kuma_beats_missing',
		'Whether no active monitor of Kuma has beaten for two intervals, so that nothing is watched',
		({ kuma }) => (kuma.beats.state === 'unknown' ? null : Number(kuma.beats.state === 'missing')),
	);
	gauge('kuma_last_beat_timestamp_seconds', 'When a monitor of Kuma beat last', ({ kuma }) =>
		kuma.beats.lastBeatAt === null ? null : Date.parse(kuma.beats.lastBeatAt) / 1000,
	);
	gauge('kuma_problems', 'What Kuma has not taken up yet, such as monitors that did not start', ({ kuma }) =>
		kuma.agent.isConnected ? kuma.agent.problems.length : null,
	);
	gauge('leader_connected', "Whether the leader's own events are heard", ({ leader }) =>
		leader === null ? null : Number(leader.isConnected),
	);
	gauge('event_clients', 'Replicas that listen to the events of this instance', () =>
		sources.eventClientCount(),
	);
	new Counter({
		name: 'replicator_kuma_kuma_restarts_total',
		help: 'How often Kuma was started again since replicator-kuma runs',
		registers: [registry],
		collect() {
			this.reset();
			this.inc(sources.status().kuma.restarts);
		},
	});
	new Counter({
		name: 'replicator_kuma_unexpected_errors_total',
		help: 'Failures that nothing has expected; they end nothing',
		registers: [registry],
		collect() {
			this.reset();
			this.inc(sources.status().unexpectedErrors.count);
		},
	});
	new Gauge({
		name: 'replicator_kuma_build_info',
		help: 'Versions and place of this instance; always 1',
		labelNames: ['version', 'kuma_version', 'mode', 'fleet', 'hostname'],
		registers: [registry],
		collect() {
			const { productVersion, kuma, mode, fleet, hostname } = sources.status();
			this.reset();
			const kumaVersion = kuma.version ?? '';
			this.set({ version: productVersion, kuma_version: kumaVersion, mode: mode ?? '', fleet, hostname }, 1);
		},
	});
}

/**
 * The two of the usual process metrics that people look at. The library's own set measures the event loop and the garbage
 * collector all the time, which costs more than an idle replicator-kuma does otherwise.
 */
function addProcessMetrics(registry: Registry<OpenMetricsContentType>): void {
	new Counter({
		name: 'process_cpu_seconds_total',
		help: 'CPU time of this process, without restic and Kuma',
		registers: [registry],
		collect() {
			const { user, system } = process.cpuUsage();
			this.reset();
			this.inc((user + system) / 1e6);
		},
	});
	new Gauge({
		name: 'process_resident_memory_bytes',
		help: 'Memory of this process',
		registers: [registry],
		collect() {
			this.set(process.memoryUsage.rss());
		},
	});
}
