import { once } from 'node:events';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import type { Value } from '../../src/model/row.ts';

const PRELOAD = resolve(import.meta.dirname, '../programs/kuma-memory.cjs');

type Row = Readonly<Record<string, unknown>>;

/** What a running Kuma keeps of its database. */
export interface KumaMemory {
	readonly monitors: Readonly<Record<string, { readonly row: Row; readonly isStopped: boolean }>>;
	readonly maintenances: Readonly<
		Record<string, { readonly row: Row; readonly timezone: string; readonly isScheduled: boolean }>
	>;
	readonly domains: Readonly<Record<string, string>>;
	readonly settings: Readonly<Record<string, unknown>>;
	/** Monitors whose statistics are kept. */
	readonly statistics: readonly number[];
	readonly entryPage: string | null;
}

/** What of a Kuma can be made to fail: reading a table, reading the domains, a monitor's start, storing a beat. */
export type KumaFailure = 'find' | 'load' | 'start' | 'beat';

/** @returns the environment of a Kuma whose memory can be read. */
export function kumaMemoryEnvironment(directory: string): Record<string, string> {
	return { KUMA_MEMORY: join(directory, 'memory.sock'), NODE_OPTIONS: `--require "${PRELOAD}"` };
}

/** Asks a Kuma that runs with {@link kumaMemoryEnvironment}. */
export function kumaMemory(directory: string) {
	async function ask(request: Readonly<Record<string, unknown>>): Promise<unknown> {
		const socket = connect(join(directory, 'memory.sock'));
		await once(socket, 'connect');
		try {
			socket.setEncoding('utf8').write(`${JSON.stringify(request)}\n`);
			let text = '';
			for await (const part of socket) {
				text += part;
				if (text.endsWith('\n')) break;
			}
			const { result, error } = JSON.parse(text) as { result?: unknown; error?: string };
			if (error !== undefined) throw new Error(error);
			return result;
		} finally {
			socket.destroy();
		}
	}
	return {
		read: () => ask({ method: 'read' }) as Promise<KumaMemory>,
		/** Makes the next so many of them fail; 0: none any more. */
		fail: async (what: KumaFailure, times: number, table?: string) => {
			await ask({ method: 'fail', what, times, table });
		},
	};
}

/** @returns a value as a bean and a row have it alike. */
export function comparable(value: unknown | Value): string | null {
	if (value === null || value === undefined) return null;
	if (typeof value === 'boolean') return value ? '1' : '0';
	return String(value);
}
