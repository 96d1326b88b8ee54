import type { BeatReport } from './beat-watch.ts';
import type { Key } from './row.ts';

/**
 * What the agent inside Kuma's process and its client say to each other: JSON lines over a Unix socket. The client
 * sends requests, each answered once and in order; the agent sends events at any time.
 */
export const AGENT_PROTOCOL = 2;

/** The environment variable that tells the agent its {@link AgentOptions}, as JSON. */
export const AGENT_VARIABLE = 'REPLICATOR_KUMA_AGENT';

/** Longest line in either direction: the changes of 20,000 rows fit. */
export const AGENT_LINE_BYTES_MAX = 4 * 1024 * 1024;

/** How long monitors stay stopped for an apply at most, however often that is renewed: monitoring is no hostage of replication. */
export const LEASE_MAX_MS = 60_000;

/** What the agent is to do from the start, before anybody can ask it. */
export interface AgentOptions {
	readonly socketPath: string;
	/** Names everything that Kuma was started with; given back in the hello. */
	readonly fingerprint: string;
	/** How long Kuma is held at its start at most, in milliseconds; null: not at all. */
	readonly startGateMs: number | null;
	/** Put in front of what monitors notify; empty: nothing. */
	readonly notificationPrefix: string;
	/** Tables whose writes are told as `changed`, each with the columns whose writes alone are not told. */
	readonly watched: Readonly<Record<string, readonly string[]>>;
}

/** What the agent can do on this Kuma: the names are shown to people. */
export const CAPABILITIES = [
	'start gate',
	'first user',
	'monitors',
	'metric labels',
	'maintenances',
	'maintenance time zone',
	'status pages',
	'settings',
	'users',
	'lists',
	'notification prefix',
	'change events',
	'beats',
] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** True, or what of Kuma is not as the agent expects it. */
export type Capabilities = Readonly<Record<Capability, true | string>>;

/** `starting`: not at the gate yet. `held`: migrated and waiting at the gate. `running`: past it. */
export type AgentPhase = 'starting' | 'held' | 'running';

export interface AgentHello {
	readonly protocol: number;
	readonly productVersion: string;
	readonly kumaVersion: string;
	readonly pid: number;
	/** What this Kuma was started with. */
	readonly fingerprint: string;
	readonly phase: AgentPhase;
	readonly capabilities: Capabilities;
	readonly problems: AgentProblems;
	readonly beats: BeatReport;
}

/** What Kuma has not taken up, in words without secrets; the agent tries it again until it is empty. */
export type AgentProblems = readonly string[];

/** One changed row, without its values: the agent reads them from the database. One without a key stands for all rows. */
export interface AgentChange {
	readonly table: string;
	readonly key: Key;
	readonly kind: 'added' | 'changed' | 'removed' | 'replaced';
	readonly columns: readonly string[];
}

/** What an apply is about to change, or has changed. */
export interface AgentChanges {
	readonly rows: readonly AgentChange[];
	/** Monitors that must start anew although their own rows stay: Kuma reads a monitor's tags when it starts. */
	readonly retaggedMonitors: readonly number[];
	/** Monitors that are only shown anew: their notifications or maintenances have changed. */
	readonly relinkedMonitors: readonly number[];
	readonly settings: readonly string[];
	/** Nobody knows what has changed: everything that Kuma keeps in memory is made anew from the database. */
	readonly isEverything: boolean;
	/** The zone in which maintenances "as on the server" are meant; null: Kuma's own; absent: the one that it is. */
	readonly timezone?: string | null;
}

export const NO_CHANGES: AgentChanges = {
	rows: [],
	retaggedMonitors: [],
	relinkedMonitors: [],
	settings: [],
	isEverything: false,
};

export type AgentRequest =
	| { readonly method: 'hello' }
	/**
	 * Stops the monitors among the changes. A lease: when the connection ends or `leaseMs` pass before the `reload`,
	 * the agent does the reload by itself, so that Kuma is as the database then says.
	 */
	| { readonly method: 'stop'; readonly changes: AgentChanges; readonly leaseMs: number }
	/** Goes on stopping for another `leaseMs`. */
	| { readonly method: 'renew'; readonly leaseMs: number }
	/** Takes up the changes as the database has them now; after a failed transaction that is what was there before. */
	| { readonly method: 'reload'; readonly changes: AgentChanges }
	/** Lets a held Kuma go on. */
	| { readonly method: 'release'; readonly timezone: string | null };

export interface ReloadResult {
	/** Nothing was done: Kuma has read nothing yet, and reads what is there when it is let go. */
	readonly isStarting: boolean;
	readonly started: number;
	readonly stopped: number;
	/** What could not be taken up, and is tried again. */
	readonly problems: AgentProblems;
	readonly durationMs: number;
}

export type AgentEvent =
	| { readonly event: 'phase'; readonly phase: AgentPhase }
	/** All that there are now; none is an empty list. */
	| { readonly event: 'problems'; readonly problems: AgentProblems }
	/** How the monitors beat, every few seconds, and when they do again. */
	| { readonly event: 'beats'; readonly report: BeatReport }
	/** Tables were written; it may be a moment before the commit is visible. */
	| { readonly event: 'changed'; readonly tables: readonly string[] };

export type AgentAnswer =
	| { readonly id: number; readonly result: unknown }
	| { readonly id: number; readonly error: string };
