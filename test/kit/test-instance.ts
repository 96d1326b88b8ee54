import { CATALOG } from '../../src/catalog/index.ts';
import { createRefusalMemory } from '../../src/instance/refusal-memory.ts';
import { freshState } from '../../src/instance/state-folder/state-file.ts';
import type { Database } from '../../src/model/database.ts';
import type { Instance, SnapshotStore, StateStore, Uploads } from '../../src/model/instance.ts';
import type { Log } from '../../src/model/log.ts';
import { NO_CLOCK } from '../../src/model/stages.ts';
import type { InstanceState } from '../../src/model/state.ts';

export const SILENT_LOG: Log = { debug() {}, info() {}, warning() {}, error() {} };

/** Uploaded files in memory. */
export function memoryUploads(
	files: Record<string, Uint8Array> = {},
): Uploads & { files: Map<string, Uint8Array> } {
	const kept = new Map(Object.entries(files));
	return {
		files: kept,
		read: async (path) => kept.get(path) ?? null,
		write: async (path, content) => {
			kept.set(path, content);
		},
		remove: async (path) => {
			kept.delete(path);
		},
	};
}

function memoryState(initial: Partial<InstanceState> = {}): StateStore {
	let state: InstanceState = { ...freshState('instance-under-test'), ...initial };
	return {
		read: () => state,
		save: async (change) => {
			state = { ...state, ...change };
		},
	};
}

const NO_SNAPSHOTS: SnapshotStore = {
	load: async () => null,
	keep: () => Promise.reject(new Error('this test keeps no snapshot')),
	dropAllBut: async () => undefined,
	withPublishDirectory: () => Promise.reject(new Error('this test publishes nothing')),
	withFetchDirectory: () => Promise.reject(new Error('this test fetches nothing')),
	makeExportDirectory: () => Promise.reject(new Error('this test exports nothing')),
};

/** An instance around a real database, with everything else in memory. */
export function testInstance(parts: { readonly database: Database } & Partial<Instance>): Instance {
	const { database, ...others } = parts;
	return {
		mode: 'RESTORE',
		hostname: 'test-host',
		productVersion: '0.0.0',
		catalog: CATALOG,
		state: memoryState(),
		snapshots: NO_SNAPSHOTS,
		uploads: memoryUploads(),
		log: SILENT_LOG,
		stages: NO_CLOCK,
		refusals: createRefusalMemory(),
		legacyRead: { newest: null },
		pausesPushMonitors: false,
		kuma: { version: null, monitorTypes: null, migrations: null },
		openDatabase: async () => ({ outcome: 'opened', database }),
		now: () => Date.UTC(2026, 10, 24),
		...others,
	};
}
