import type { AgentChanges } from '../../model/agent-protocol.ts';
import { mergeRowChanges } from '../../model/merge-row-changes.ts';

/** What the agent still has to take up by itself. */
export interface OpenChanges extends AgentChanges {
	/** Lists, by their tables, that could not be sent to Kuma's pages, and need nothing but that. */
	readonly unsentLists?: readonly string[];
}

/** @returns the changes of both, each once: what fails for hours is joined by the changes of every cycle since. */
export function mergeChanges(left: OpenChanges, right: OpenChanges): OpenChanges {
	const unsentLists = unique([...(left.unsentLists ?? []), ...(right.unsentLists ?? [])]);
	const timezone = right.timezone === undefined ? left.timezone : right.timezone;
	return {
		rows: mergeRowChanges([...left.rows, ...right.rows], (column: string) => column),
		retaggedMonitors: unique([...left.retaggedMonitors, ...right.retaggedMonitors]),
		relinkedMonitors: unique([...left.relinkedMonitors, ...right.relinkedMonitors]),
		settings: unique([...left.settings, ...right.settings]),
		isEverything: left.isEverything || right.isEverything,
		...(timezone === undefined ? {} : { timezone }),
		...(unsentLists.length === 0 ? {} : { unsentLists }),
	};
}

function unique<Value>(values: readonly Value[]): Value[] {
	return [...new Set(values)];
}
