/** What lives inside server.js and nobody exports: whether Kuma shows its set-up page, and what starts the monitors. */
export interface ServerAccess {
	/** Absent where this Kuma's server.js has no such variable. */
	needSetup?: boolean;
	wrapStartMonitors?(wrap: (startMonitors: StartMonitors) => StartMonitors): void;
}
export type StartMonitors = (...values: unknown[]) => unknown;

const HANDOVER = Symbol.for('replicator-kuma.server-access');

/**
 * @param onAccess called while the returned text runs, before Kuma does anything with either.
 * @returns the text of server.js with a door at its end; as it was where nothing of what is looked for is there.
 */
export function addServerAccess(source: string, onAccess: (access: ServerAccess) => void): string {
	const parts = [
		/^let needSetup\b/m.test(source)
			? 'get needSetup() { return needSetup; }, set needSetup(value) { needSetup = value; }'
			: '',
		/^async function startMonitors\b/m.test(source)
			? 'wrapStartMonitors(wrap) { startMonitors = wrap(startMonitors); }'
			: '',
	].filter((part) => part !== '');
	if (parts.length === 0) return source;
	const holder = globalThis as { [HANDOVER]?: (access: ServerAccess) => void };
	holder[HANDOVER] = (access) => {
		delete holder[HANDOVER];
		onAccess(access);
	};
	return `${source}\n;globalThis[Symbol.for(${JSON.stringify(HANDOVER.description)})]?.({ ${parts.join(', ')} });\n`;
}
