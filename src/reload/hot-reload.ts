import {
	type AgentChanges,
	type AgentHello,
	type Capability,
	NO_CHANGES,
	type ReloadResult,
} from '../model/agent-protocol.ts';
import type { Log } from '../model/log.ts';
import type { LeadersZone, Reload, ReloadedPlan, ReloadReport } from '../model/reload.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import type { AgentLink } from './agent-link.ts';
import { mergePlans } from './merge-plans.ts';

/** In milliseconds. */
export interface ReloadLimits {
	/** How long the agent keeps monitors stopped without hearing of us. */
	readonly leaseMs: number;
	readonly renewMs: number;
	/** How long they stay stopped in all, whatever becomes of the apply. */
	readonly stoppedMs: number;
	/** For a reload; and for each monitor in it, which Kuma starts one after the other, at 50 a second. */
	readonly reloadMs: number;
	readonly reloadPerMonitorMs: number;
}

const LIMITS: ReloadLimits = {
	leaseMs: 10_000,
	renewMs: 2_500,
	stoppedMs: 20_000,
	reloadMs: 60_000,
	reloadPerMonitorMs: 40,
};
/** 10,000 monitors, started at 50 a second, and some more. */
const EVERYTHING_MS = 5 * 60_000;
const RECONNECT_MS = 3_000;
/** From Kuma's process to the agent inside it, on a machine where everything starts at once. */
const AGENT_START_MS = 15_000;
/** A Kuma that has not answered so many reloads in a row is restarted: before each of them, its database did answer. */
const SILENT_RELOADS_MAX = 2;

/** Kuma as a program that can be restarted. */
export interface Restartable {
	/** `none`: there is no process, and the next one reads everything anew. */
	process(): 'none' | 'starting' | 'running';
	restart(reason: string): Promise<ReloadReport>;
}

/** What must be there to take up a change of each table without a restart; a monitor's links are read at each use. */
const NEEDS: Readonly<Record<string, readonly Capability[]>> = {
	monitor: ['monitors'],
	monitor_tag: ['monitors'],
	tag: ['monitors', 'metric labels'],
	maintenance: ['maintenances'],
	status_page: ['status pages'],
	status_page_cname: ['status pages'],
	user: ['users', 'first user'],
	api_key: ['settings'],
};

export interface HotReload extends Reload {
	/**
	 * Lets a Kuma go on that is held at its start; one that cannot be asked goes on by itself.
	 * @param timezone the leader's zone; null: unknown now, so that the one that was known last counts.
	 */
	release(timezone: string | null): Promise<void>;
	/**
	 * A run that was killed has left a Kuma behind: nobody knows what it was told, so it is told everything.
	 * @param pid of Kuma itself, as its agent says it: one that is started after it has read everything.
	 */
	adopt(pid: number): Promise<void>;
	/**
	 * A running Kuma is heard again: it is told the zone, or everything, if it may not know it. While an apply has monitors
	 * stopped, it does nothing, and what an apply has left open is left to {@link Reload.settle}. Called while it is at
	 * work, it returns what is under way.
	 */
	catchUp(): Promise<void>;
}

/** @returns whether the agent can make a Kuma as its database is, whatever it was told before. */
export function canReloadEverything({ phase, capabilities }: AgentHello): boolean {
	// Before its start, Kuma has read nothing, and much is not loaded yet.
	if (phase !== 'running') return true;
	const needed = new Set([...Object.values(NEEDS).flat(), 'settings' as const]);
	return [...needed].every((name) => capabilities[name] === true);
}

/** Reloads through the agent, and restarts Kuma when that cannot be done: slower, never wrong. */
export function createHotReload(parts: {
	readonly agent: AgentLink;
	readonly kuma: Restartable;
	readonly log: Log;
	/** Whether this instance leads: its maintenances "as on the server" mean its own zone, whatever it restores. */
	readonly isLeader: boolean;
	readonly limits?: Partial<ReloadLimits>;
}): HotReload {
	const { agent, kuma, log, isLeader } = parts;
	const limits = { ...LIMITS, ...parts.limits };
	let renewal: NodeJS.Timeout | undefined;
	/** Since when monitors may be stopped that nobody has started again. */
	let stoppedAt: number | null = null;
	/** What Kuma may not have taken up: of a reload that failed, or of an apply that may have been committed. */
	let unsettled: ReloadedPlan | null = null;
	/** Whether some of that may be carried out yet. */
	let isUncertain = false;
	let silentReloads = 0;
	/** The process that may have been told anything, by a run that was killed. */
	let leftBehindPid: number | null = null;
	/** What is being asked for at the moment, so that nobody asks a second time meanwhile. */
	let catchingUp: Promise<void> | null = null;
	/** The zone that is wanted; undefined: as it is, for none is known. */
	let timezone: string | null | undefined = isLeader ? null : undefined;
	/** The process in which that zone has taken effect. */
	let zoneIsIn: number | null = null;

	function canReload(plan: ReloadedPlan): boolean {
		return kuma.process() === 'none' || isStarting(agent.hello) || findObstacle(plan, agent.hello) === null;
	}

	async function stop(plan: ReloadedPlan): Promise<void> {
		// Nothing runs before the start; and a restart, where it comes to one, ends every monitor by itself.
		if (isStarting(agent.hello) || findObstacle(plan, agent.hello) !== null) return;
		stoppedAt ??= performance.now();
		try {
			const { leaseMs } = limits;
			const stopped = await agent.ask({ method: 'stop', changes: toChanges(plan), leaseMs });
			log.debug('The monitors that change are stopped', { stopped });
			clearInterval(renewal);
			renewal = setInterval(renew, limits.renewMs);
		} catch (error) {
			if (!isAgentError(error)) throw error;
			log.warning('The monitors that change could not be stopped first', { error });
		}
	}

	async function resume(plan: ReloadedPlan): Promise<void> {
		clearInterval(renewal);
		if (stoppedAt === null) return;
		stoppedAt = null;
		try {
			unsettled = withUnsettled(plan);
			await askToReload(toChanges(unsettled), reloadMsOf(unsettled));
			// What needs a restart is not settled by this, nor what is carried out later.
			if (findObstacle(unsettled, agent.hello) === null && !isUncertain) unsettled = null;
		} catch (error) {
			if (!isAgentError(error)) throw error;
			log.warning('What was stopped starts again by itself when its lease is over', { error });
		}
	}

	function renew(): void {
		const leftMs = (stoppedAt ?? 0) + limits.stoppedMs - performance.now();
		if (leftMs <= 0) {
			clearInterval(renewal);
			log.warning('The apply takes long; the monitors that it has stopped run again meanwhile');
			return;
		}
		agent.ask({ method: 'renew', leaseMs: Math.min(limits.leaseMs, leftMs) }).catch((error: unknown) => {
			log.debug('The lease on stopped monitors could not be renewed', { error });
		});
	}

	function reloadMsOf({ changes, touchedMonitors }: ReloadedPlan): number {
		const rows = changes.length + touchedMonitors.retagged.length;
		return limits.reloadMs + rows * limits.reloadPerMonitorMs;
	}

	function owe(plan: ReloadedPlan): void {
		unsettled = withUnsettled(plan);
		isUncertain = true;
	}

	function withUnsettled(plan: ReloadedPlan): ReloadedPlan {
		return unsettled === null || unsettled === plan ? plan : mergePlans(unsettled, plan);
	}

	async function reload(plan: ReloadedPlan): Promise<ReloadReport> {
		clearInterval(renewal);
		stoppedAt = null;
		const open = withUnsettled(plan);
		const wasUncertain = isUncertain;
		forgetUnsettled();
		wantZone(plan.timezone);
		try {
			const report = await reloadTwice(open);
			silentReloads = 0;
			return report;
		} catch (error) {
			// However slowly a Kuma starts, it reads everything. What could not be asked or stopped goes on as it was.
			if (!startsAnew(error)) {
				unsettled = open;
				isUncertain = wasUncertain;
			}
			throw error;
		}
	}

	function forgetUnsettled(): void {
		unsettled = null;
		isUncertain = false;
	}

	async function reloadTwice(plan: ReloadedPlan): Promise<ReloadReport> {
		try {
			return await reloadOnce(plan);
		} catch (error) {
			if (isReplicatorError(error, 'agent-silent')) return afterSilence(error);
			// A connection that broke is made again at once, and a reload may be done twice.
			if (!isReplicatorError(error, 'agent-unreachable')) return restartAfter(error);
		}
		try {
			return await reloadOnce(plan);
		} catch (error) {
			return isReplicatorError(error, 'agent-silent') ? afterSilence(error) : restartAfter(error);
		}
	}

	/** A Kuma whose database hangs answers as soon as that goes on; a restart would only make it blind for longer. */
	async function afterSilence(error: unknown): Promise<ReloadReport> {
		silentReloads += 1;
		if (silentReloads < SILENT_RELOADS_MAX) throw error;
		silentReloads = 0;
		return restartAfter(error);
	}

	async function reloadOnce(plan: ReloadedPlan): Promise<ReloadReport> {
		if (!(await isThere())) return { outcome: 'not-running' };
		const obstacle = findObstacle(plan, agent.hello);
		if (obstacle !== null && !isStarting(agent.hello)) return kuma.restart(obstacle);
		const result = await askToReload(toChanges(plan), reloadMsOf(plan));
		// It may have been let go meanwhile.
		if (obstacle !== null && !result.isStarting) return kuma.restart(obstacle);
		const { started: startedMonitors, durationMs } = result;
		return { outcome: 'reloaded', startedMonitors, durationMs };
	}

	/** A zone counts as set only when what was asked for with it has been done. */
	async function askToReload(changes: AgentChanges, timeoutMs: number): Promise<ReloadResult> {
		const pid = agent.hello?.pid ?? null;
		const wanted = timezone;
		const request = { ...changes, ...(wanted === undefined ? {} : { timezone: wanted }) };
		const result = (await agent.ask({ method: 'reload', changes: request }, timeoutMs)) as ReloadResult;
		if (wanted !== undefined && wanted === timezone) zoneIsIn = pid;
		return result;
	}

	function wantZone(wanted: string | null): void {
		const zone = isLeader ? null : wanted;
		if (zone === timezone) return;
		timezone = zone;
		zoneIsIn = null;
	}

	/** @returns whether there is a Kuma that may have read what is outdated; its agent is connected, or it has none. */
	async function isThere(): Promise<boolean> {
		if (kuma.process() === 'none') return false;
		await agent.waitUntilConnected(RECONNECT_MS);
		// That a Kuma has crashed is noticed a moment later than the end of the connection; it is started again then.
		if (kuma.process() === 'starting') await agent.waitUntilConnected(AGENT_START_MS);
		return kuma.process() !== 'none';
	}

	async function restartAfter(error: unknown): Promise<ReloadReport> {
		if (!isAgentError(error)) throw error;
		log.warning('The reload failed; Kuma is restarted instead', { error });
		return kuma.restart('the reload failed');
	}

	async function release(leadersZone: string | null): Promise<void> {
		const pid = agent.hello?.pid ?? null;
		// Null says that nobody knows it now, which is no reason to forget it.
		if (leadersZone !== null) wantZone(leadersZone);
		const wanted = timezone;
		try {
			await agent.ask({ method: 'release', timezone: wanted ?? null });
			if (wanted === timezone) zoneIsIn = pid;
		} catch (error) {
			if (!isAgentError(error)) throw error;
			log.warning('Kuma could not be told to go on; it does so by itself', { error });
		}
	}

	async function settle(leadersZone?: LeadersZone): Promise<ReloadReport | null> {
		const zone = typeof leadersZone === 'function' ? await findUnknownZone(leadersZone) : leadersZone;
		if (zone !== undefined && zone !== null) wantZone(zone);
		if (unsettled !== null) {
			log.warning('Kuma takes up what an earlier apply may have left open');
			return reload(unsettled);
		}
		await catchUp();
		return null;
	}

	async function findUnknownZone(find: () => Promise<string | null>): Promise<string | null> {
		return timezone === undefined ? find() : null;
	}

	function catchUp(): Promise<void> {
		catchingUp ??= takeUpOpen().finally(() => {
			catchingUp = null;
		});
		return catchingUp;
	}

	async function takeUpOpen(): Promise<void> {
		let wanted: typeof timezone;
		do {
			wanted = timezone;
			await takeUpOnce();
			// Another zone may have become known while Kuma was busy with the one before.
		} while (wanted !== timezone);
	}

	async function takeUpOnce(): Promise<void> {
		const { hello } = agent;
		if (hello === null || isApplying()) return;
		const isZoneOpen = timezone !== undefined && zoneIsIn !== hello.pid;
		const isEverything = leftBehindPid === hello.pid;
		if (!isZoneOpen && !isEverything) return;
		try {
			await askToReload({ ...NO_CHANGES, isEverything }, EVERYTHING_MS);
			if (isEverything) leftBehindPid = null;
		} catch (error) {
			if (!isAgentError(error)) throw error;
			log.warning('Kuma has not taken everything up yet; it is tried again', { error });
		}
	}

	/** A reload would start again what is stopped. The zone goes with the reload at the end, everything else with the next cycle. */
	function isApplying(): boolean {
		return stoppedAt !== null && performance.now() - stoppedAt < limits.stoppedMs;
	}

	async function adopt(pid: number): Promise<void> {
		leftBehindPid = pid;
		await catchUp();
	}

	return { canReload, stop, resume, reload, owe, settle, release, adopt, catchUp };
}

/** Before it has started, Kuma has read nothing that could be outdated, and most of it is not loaded. */
function isStarting(hello: AgentHello | null): boolean {
	return hello !== null && hello.phase !== 'running';
}

/** @returns why Kuma must be restarted for a plan, or null. */
function findObstacle(plan: ReloadedPlan, hello: AgentHello | null): string | null {
	if (hello === null) return 'there is no agent in Kuma';
	const needed = new Set<Capability>(plan.changes.flatMap(({ table }) => NEEDS[table] ?? []));
	// Only the very first user ends Kuma's set-up.
	if (plan.before.users > 0) needed.delete('first user');
	if (plan.settings.length > 0) needed.add('settings');
	const missing = [...needed].filter((name) => hello.capabilities[name] !== true);
	return missing.length === 0 ? null : `this Kuma cannot reload ${missing.join(', ')}`;
}

function toChanges(plan: ReloadedPlan): AgentChanges {
	const toId = ([id]: readonly unknown[]) => Number(id);
	return {
		rows: plan.changes.map(({ table, key, kind, columns }) => ({
			table,
			key: key.map((value) => (typeof value === 'bigint' ? value.toString() : value)),
			kind,
			columns: columns.map(({ column }) => column),
		})),
		retaggedMonitors: plan.touchedMonitors.retagged.map(toId),
		relinkedMonitors: plan.touchedMonitors.relinked.map(toId),
		settings: plan.settings.map(({ name }) => name),
		isEverything: false,
	};
}

function startsAnew(error: unknown): boolean {
	return isReplicatorError(error, 'kuma-not-ready') || isReplicatorError(error, 'kuma-not-startable');
}

function isAgentError(error: unknown): boolean {
	const codes = ['agent-unreachable', 'agent-silent', 'agent-failed'] as const;
	return codes.some((code) => isReplicatorError(error, code));
}
