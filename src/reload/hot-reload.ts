import type { AgentChanges, AgentHello, Capability, ReloadResult } from '../model/agent-protocol.ts';
import type { Log } from '../model/log.ts';
import type { Reload, ReloadedPlan, ReloadReport } from '../model/reload.ts';
import { isReplicatorError } from '../model/replicator-error.ts';
import type { AgentLink } from './agent-link.ts';

/** How long the agent keeps monitors stopped without hearing of us. */
const LEASE_MS = 10_000;
const RENEW_MS = 2_500;
const RECONNECT_MS = 3_000;
/** From Kuma's process to the agent inside it, on a machine where everything starts at once. */
const AGENT_START_MS = 15_000;
/** 10,000 monitors, started at 50 a second, and some more. */
const RELOAD_MS = 5 * 60_000;

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
	/** Lets a Kuma go on that is held at its start. Never fails. */
	release(timezone: string | null): Promise<void>;
}

/** Reloads through the agent, and restarts Kuma when that cannot be done: slower, never wrong. */
export function createHotReload(parts: {
	readonly agent: AgentLink;
	readonly kuma: Restartable;
	readonly log: Log;
}): HotReload {
	const { agent, kuma, log } = parts;
	let renewal: NodeJS.Timeout | undefined;
	/** Whether monitors may be stopped that nobody has started again. */
	let hasStopped = false;
	/** What the agent was told last; undefined: it may have been told something by an earlier run. */
	let timezone: string | null | undefined;

	async function stop(plan: ReloadedPlan): Promise<void> {
		// Nothing runs before the start; and a restart, where it comes to one, ends every monitor by itself.
		if (isStarting(agent.hello) || findObstacle(plan, agent.hello) !== null) return;
		hasStopped = true;
		try {
			const stopped = await agent.ask({ method: 'stop', changes: toChanges(plan), leaseMs: LEASE_MS });
			log.debug('The monitors that change are stopped', { stopped });
			clearInterval(renewal);
			renewal = setInterval(renew, RENEW_MS);
		} catch (error) {
			if (!isAgentError(error)) throw error;
			log.warning('The monitors that change could not be stopped first', { error });
		}
	}

	async function resume(plan: ReloadedPlan): Promise<void> {
		clearInterval(renewal);
		if (!hasStopped) return;
		hasStopped = false;
		try {
			await agent.ask({ method: 'reload', changes: toChanges(plan) }, RELOAD_MS);
		} catch (error) {
			if (!isAgentError(error)) throw error;
			log.warning('What was stopped starts again by itself when its lease is over', { error });
		}
	}

	function renew(): void {
		agent.ask({ method: 'renew', leaseMs: LEASE_MS }).catch((error: unknown) => {
			log.debug('The lease on stopped monitors could not be renewed', { error });
		});
	}

	async function reload(plan: ReloadedPlan): Promise<ReloadReport> {
		clearInterval(renewal);
		hasStopped = false;
		try {
			return await reloadOnce(plan);
		} catch (error) {
			// A connection that broke is made again at once, and a reload may be done twice.
			if (!isReplicatorError(error, 'agent-unreachable')) return restartAfter(error);
		}
		try {
			return await reloadOnce(plan);
		} catch (error) {
			return restartAfter(error);
		}
	}

	async function reloadOnce(plan: ReloadedPlan): Promise<ReloadReport> {
		if (!(await isThere())) return { outcome: 'not-running' };
		const obstacle = findObstacle(plan, agent.hello);
		if (obstacle !== null && !isStarting(agent.hello)) return kuma.restart(obstacle);
		const changes = toChanges(plan);
		const result = (await agent.ask({ method: 'reload', changes }, RELOAD_MS)) as ReloadResult;
		// It may have been let go meanwhile.
		if (obstacle !== null && !result.isStarting) return kuma.restart(obstacle);
		timezone = plan.timezone;
		for (const problem of result.problems) log.warning('Kuma could not take something up', { problem });
		const { started: startedMonitors, durationMs } = result;
		return { outcome: 'reloaded', startedMonitors, durationMs };
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
		try {
			await agent.ask({ method: 'release', timezone: leadersZone });
			timezone = leadersZone;
		} catch (error) {
			if (!isAgentError(error)) throw error;
			log.warning('Kuma could not be told to go on; it does so by itself', { error });
		}
	}

	async function keepTimezone(wanted: string | null): Promise<void> {
		if (agent.hello === null || wanted === timezone) return;
		const nothing = { rows: [], retaggedMonitors: [], relinkedMonitors: [], settings: [], timezone: wanted };
		try {
			await agent.ask({ method: 'reload', changes: nothing });
			timezone = wanted;
		} catch (error) {
			if (!isAgentError(error)) throw error;
			log.warning("Maintenances are evaluated in this server's time zone", { error });
		}
	}

	return { stop, resume, reload, keepTimezone, release };
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
		timezone: plan.timezone,
	};
}

function isAgentError(error: unknown): boolean {
	return isReplicatorError(error, 'agent-unreachable') || isReplicatorError(error, 'agent-failed');
}
