/**
 * NODE_OPTIONS as Node reads it: words between spaces; double quotes keep a space, and a backslash keeps the
 * character after it, inside of quotes only (Node's CLI documentation, "NODE_OPTIONS").
 */

/** @returns the user's own options with the agent added behind them. */
export function withAgent(nodeOptions: string | undefined, agentPath: string): string {
	return [nodeOptions?.trim() ?? '', agentOption(agentPath)].filter((part) => part !== '').join(' ');
}

/** @returns the options as the user has set them, or undefined when there were none. */
export function withoutAgent(nodeOptions: string | undefined, agentPath: string): string | undefined {
	const rest = nodeOptions?.replace(agentOption(agentPath), '').trim();
	return rest === '' ? undefined : rest;
}

function agentOption(agentPath: string): string {
	return `--require "${agentPath.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
