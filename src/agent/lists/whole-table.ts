import type { AgentChange, AgentChanges } from '../../model/agent-protocol.ts';

/** Everything of which Kuma keeps something in memory. */
const TABLES = ['api_key', 'user', 'maintenance', 'status_page', 'status_page_cname', 'tag', 'monitor'];
const SETTINGS = ['entryPage'];

/** @returns the change that stands for every row of a table, whatever it was before: one without a key. */
export function wholeTable(table: string): AgentChange {
	return { table, key: [], kind: 'replaced', columns: [] };
}

export function isWholeTable({ key }: AgentChange): boolean {
	return key.length === 0;
}

/** @returns the same changes, part by part where they are everything: a part that fails is tried again alone. */
export function spellOut<Changes extends AgentChanges>(changes: Changes): Changes {
	if (!changes.isEverything) return changes;
	return {
		...changes,
		rows: [...changes.rows, ...TABLES.map(wholeTable)],
		settings: [...changes.settings, ...SETTINGS],
		isEverything: false,
	};
}
