import { createHash } from 'node:crypto';
import { AGENT_VARIABLE, type AgentOptions } from '../model/agent-protocol.ts';
import { withAgent } from '../model/node-options.ts';
import { PRODUCT_VERSION } from '../model/product-version.ts';

const OURS_ONLY = /^(?:RESTIC_|REPLICATOR_|NTFY_)/;
/** What a Kuma must be started anew for when it changes; shells and service managers change others at every start. */
const READ_BY_KUMA = /^(?:UPTIME_KUMA_\w+|DATA_DIR|HOST|PORT|SSL_\w+|NODE_\w+|TZ|PATH|SQL_LOG|\w+_PROXY)$/i;

export interface KumaStart {
	readonly command: readonly string[];
	readonly cwd: string;
	readonly env: NodeJS.ProcessEnv;
	/** The agent's file, and what it is told; null: none. */
	readonly agent: { readonly path: string; readonly options: Omit<AgentOptions, 'fingerprint'> } | null;
}

/** Kuma runs other people's programs; it gets none of what only we need, and the agent. */
export function kumaEnvironment(start: KumaStart): NodeJS.ProcessEnv {
	const theirs = Object.fromEntries(Object.entries(start.env).filter(([name]) => !OURS_ONLY.test(name)));
	const { agent } = start;
	if (agent === null) return theirs;
	const options: AgentOptions = { ...agent.options, fingerprint: fingerprintOf(start) };
	return {
		...theirs,
		NODE_OPTIONS: withAgent(start.env.NODE_OPTIONS, agent.path),
		[AGENT_VARIABLE]: JSON.stringify(options),
	};
}

/**
 * @returns a name for all that a Kuma is started with: one with another name cannot be taken over. Where its agent
 * listens is no part of it: that depends on what could be written at the start, and is the same Kuma.
 */
export function fingerprintOf({ command, cwd, env, agent }: KumaStart): string {
	const variables = Object.entries(env).filter(([name]) => READ_BY_KUMA.test(name));
	const named = agent && { ...agent, options: { ...agent.options, socketPath: null } };
	const all = [PRODUCT_VERSION, command, cwd, variables.sort(), named];
	return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}
