import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { chooseForgotten } from '../../src/lineage/choose-forgotten.ts';
import { compareSnapshots } from '../../src/lineage/snapshot-order.ts';
import {
	DEFAULT_FLEET,
	type LegacySnapshot,
	type PublishedSnapshot,
	type Repository,
} from '../../src/model/lineage.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';

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
		/** Runs behind every call that had its effect; what it throws, the call throws. */
		readonly after?: (call: RepositoryCall) => void | Promise<void>;
		/** Default: those of the disk. */
		readonly folders?: Folders;
	} = {},
): Repository {
	const { store = memoryStore(), fleet = DEFAULT_FLEET, now = Date.now, folders = ON_DISK } = options;
	async function run<Result>(call: RepositoryCall, work: () => Result | Promise<Result>): Promise<Result> {
		await options.before?.(call);
		if (!store.exists && call !== 'create') throw missing();
		const result = await work();
		await options.after?.(call);
		return result;
	}
	const list = (): PublishedSnapshot[] =>
		store.kept
			.filter((kept) => kept.fleet === fleet)
			.map(({ snapshot }) => snapshot)
			.sort(compareSnapshots);
	return {
		location: 'memory',
		list: () => run('list', list),
		listWithLegacy: () =>
			run('list', () => {
				const legacy = fleet === DEFAULT_FLEET ? store.legacy.map(({ snapshot }) => snapshot) : [];
				return { published: list(), legacy };
			}),
		id: () => run('id', () => store.id),
		create: () =>
			run('create', () => {
				store.exists = true;
			}),
		publish: ({ directory, ...place }) =>
			run('publish', async () => {
				const files = await folders.read(directory);
				const id = randomBytes(32).toString('hex');
				const snapshot = { ...place, id, time: new Date(now()).toISOString() };
				store.kept.push({ fleet, snapshot, files });
				return id;
			}),
		fetch: ({ id, directory }) =>
			run('fetch', async () => {
				const kept = [...store.kept, ...store.legacy].find(({ snapshot }) => snapshot.id === id);
				if (kept === undefined) throw notFound(id);
				await folders.write(directory, kept.files);
			}),
		retain: (request) =>
			run('retain', () => {
				const forgotten = chooseForgotten({ snapshots: list(), ...request });
				store.kept = store.kept.filter(({ snapshot }) => !forgotten.includes(snapshot.id));
				return { outcome: 'retained', forgotten };
			}),
		prune: () => run('prune', () => ({ outcome: store.foreignCount > 0 ? 'shared' : 'pruned' })),
	};
}

/** Where trees are read from and written to. */
export interface Folders {
	/** @returns content by path below the directory, with forward slashes. */
	read(directory: string): Promise<ReadonlyMap<string, Uint8Array>>;
	write(directory: string, files: ReadonlyMap<string, Uint8Array>): Promise<void>;
}

const ON_DISK: Folders = {
	read: readFiles,
	async write(directory, files) {
		for (const [path, content] of files) {
			await mkdir(dirname(join(directory, path)), { recursive: true, mode: 0o700 });
			await writeFile(join(directory, path), content, { mode: 0o600 });
		}
	},
};

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
