import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import {
	DEFAULT_FLEET,
	type LegacySnapshot,
	type PublishedSnapshot,
	type Repository,
} from '../../src/model/lineage.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import { chooseForgotten } from '../../src/repository/choose-forgotten.ts';
import { compareSnapshots } from '../../src/repository/snapshot-order.ts';

interface KeptLegacy {
	readonly snapshot: LegacySnapshot;
	readonly files: ReadonlyMap<string, Uint8Array>;
}

interface Kept {
	readonly fleet: string;
	readonly snapshot: PublishedSnapshot;
	/** Content by path, with forward slashes. */
	readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What several instances share. It exists from the first `create` on. */
export interface MemoryStore {
	exists: boolean;
	readonly id: string;
	kept: Kept[];
	/** What the original has made, oldest first. */
	legacy: KeptLegacy[];
	/** Snapshots of other programs. */
	foreignCount: number;
}

export function memoryStore(): MemoryStore {
	return { exists: false, id: randomBytes(32).toString('hex'), kept: [], legacy: [], foreignCount: 0 };
}

export type RepositoryCall = 'list' | 'id' | 'create' | 'publish' | 'fetch' | 'retain' | 'prune';

/** A repository in memory, as one fleet sees it. */
export function memoryRepository(
	options: {
		readonly store?: MemoryStore;
		readonly fleet?: string;
		readonly now?: () => number;
		/** Runs before every call; what it throws, the call throws. */
		readonly before?: (call: RepositoryCall) => void | Promise<void>;
	} = {},
): Repository {
	const { store = memoryStore(), fleet = DEFAULT_FLEET, now = Date.now, before } = options;
	const begin = async (call: RepositoryCall): Promise<void> => {
		await before?.(call);
		if (!store.exists && call !== 'create') throw missing();
	};
	const list = (): PublishedSnapshot[] =>
		store.kept
			.filter((kept) => kept.fleet === fleet)
			.map(({ snapshot }) => snapshot)
			.sort(compareSnapshots);
	return {
		location: 'memory',
		list: async () => {
			await begin('list');
			return list();
		},
		listWithLegacy: async () => {
			await begin('list');
			const legacy = fleet === DEFAULT_FLEET ? store.legacy.map(({ snapshot }) => snapshot) : [];
			return { published: list(), legacy };
		},
		id: async () => {
			await begin('id');
			return store.id;
		},
		create: async () => {
			await begin('create');
			store.exists = true;
		},
		publish: async ({ directory, ...place }) => {
			await begin('publish');
			const files = await readFiles(directory);
			const id = randomBytes(32).toString('hex');
			const snapshot = { ...place, id, time: new Date(now()).toISOString() };
			store.kept.push({ fleet, snapshot, files });
			return id;
		},
		fetch: async ({ id, directory }) => {
			await begin('fetch');
			const kept = [...store.kept, ...store.legacy].find(({ snapshot }) => snapshot.id === id);
			if (kept === undefined) throw notFound(id);
			for (const [path, content] of kept.files) {
				await mkdir(dirname(join(directory, path)), { recursive: true, mode: 0o700 });
				await writeFile(join(directory, path), content, { mode: 0o600 });
			}
		},
		retain: async (request) => {
			await begin('retain');
			const forgotten = chooseForgotten({ snapshots: list(), ...request });
			store.kept = store.kept.filter(({ snapshot }) => !forgotten.includes(snapshot.id));
			return { outcome: 'retained', forgotten };
		},
		prune: async () => {
			await begin('prune');
			return { outcome: store.foreignCount > 0 ? 'shared' : 'pruned' };
		},
	};
}

async function readFiles(directory: string): Promise<Map<string, Uint8Array>> {
	const files = new Map<string, Uint8Array>();
	for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
		if (!entry.isFile()) continue;
		const path = join(entry.parentPath, entry.name);
		files.set(relative(directory, path), new Uint8Array(await readFile(path)));
	}
	return files;
}

function missing(): ReplicatorError {
	return new ReplicatorError('There is no repository in memory.', { code: 'repository-missing' });
}

function notFound(id: string): ReplicatorError {
	return new ReplicatorError(`There is no snapshot ${id} in memory.`, { code: 'snapshot-not-found' });
}
