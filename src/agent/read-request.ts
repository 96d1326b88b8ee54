import { type AgentChanges, type AgentRequest, LEASE_MAX_MS } from '../model/agent-protocol.ts';

const CHANGES: readonly (keyof AgentChanges)[] = ['rows', 'retaggedMonitors', 'relinkedMonitors', 'settings'];

/**
 * Reads what a client asks for, and refuses what could leave the agent, or what it has stopped, in a state that nobody
 * thought of.
 * @throws Error that says what is wrong, without repeating what came.
 */
export function readRequest(message: unknown): AgentRequest {
	const { method, ...parameters } = toObject(message, 'a request');
	switch (method) {
		case 'hello':
			return { method };
		case 'release':
			return { method, timezone: toTimezone(parameters.timezone) };
		case 'stop':
			return { method, changes: toChanges(parameters.changes), leaseMs: toLeaseMs(parameters.leaseMs) };
		case 'renew':
			return { method, leaseMs: toLeaseMs(parameters.leaseMs) };
		case 'reload':
			return { method, changes: toChanges(parameters.changes) };
		default:
			throw new Error('this agent does not know what it is asked for');
	}
}

function toObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
	if (typeof value !== 'object' || value === null || Array.isArray(value))
		throw new Error(`${what} must be an object`);
	return value as Readonly<Record<string, unknown>>;
}

function toChanges(value: unknown): AgentChanges {
	const changes = toObject(value, 'changes');
	for (const name of CHANGES) {
		if (!Array.isArray(changes[name])) throw new Error(`changes need a list of ${name}`);
	}
	for (const each of changes.rows as readonly unknown[]) {
		const row = toObject(each, 'a changed row');
		if (typeof row.table !== 'string' || !Array.isArray(row.key) || !Array.isArray(row.columns))
			throw new Error('a changed row needs a table, a key and columns');
	}
	if (typeof changes.isEverything !== 'boolean')
		throw new Error('changes must say whether they are everything');
	const { rows, retaggedMonitors, relinkedMonitors, settings, isEverything, timezone } =
		value as AgentChanges;
	return {
		rows,
		retaggedMonitors,
		relinkedMonitors,
		settings,
		isEverything,
		...(timezone === undefined ? {} : { timezone: toTimezone(timezone) }),
	};
}

function toTimezone(value: unknown): string | null {
	if (value !== null && typeof value !== 'string') throw new Error('a time zone must be a name or null');
	return value;
}

function toLeaseMs(value: unknown): number {
	if (typeof value !== 'number' || !(value > 0 && value <= LEASE_MAX_MS))
		throw new Error(`a lease lasts more than 0 and at most ${LEASE_MAX_MS} milliseconds`);
	return value;
}
