import { isMainThread } from 'node:worker_threads';
import { AGENT_VARIABLE, type AgentOptions } from '../model/agent-protocol.ts';
import { withoutAgent } from '../model/node-options.ts';
import { startAgent } from './agent.ts';
import { guarded } from './agent-log.ts';
import { findKuma } from './kuma/find-kuma.ts';

/**
 * Loaded by NODE_OPTIONS into every Node that is started on the way to Kuma. It wakes up in the one that runs Kuma's
 * server, and takes itself out of the environment there, so that what Kuma starts is as if it were not there; in a
 * wrapper such as npm it does nothing and stays in the environment for the Kuma to come.
 */
guarded('starting', () => {
	const told = process.env[AGENT_VARIABLE];
	if (!isMainThread || told === undefined) return;
	const kuma = findKuma(process.argv[1]);
	if (kuma === null) return;
	const nodeOptions = withoutAgent(process.env.NODE_OPTIONS, __filename);
	if (nodeOptions === undefined) delete process.env.NODE_OPTIONS;
	else process.env.NODE_OPTIONS = nodeOptions;
	delete process.env[AGENT_VARIABLE];
	startAgent(kuma, JSON.parse(told) as AgentOptions);
});
