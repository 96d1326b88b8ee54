import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { CATALOG } from '../../src/catalog/index.ts';
import { type KumaInstance, startKuma } from '../../test/kit/kuma-instance.ts';
import type { RowStore } from './row-store.ts';

/** What the sleeps of the loops are that this stands for: of the leader, and of a replica. */
export const RESTART_SLEEPS_MS = { leader: 300_000, replica: 360_000 } as const;

const HOST = 'restart';

type Row = Readonly<Record<string, unknown>>;

/** Writes each replicated table into a file of its own. @returns the hash of all of them. */
export async function exportTables(store: RowStore, directory: string): Promise<string> {
	await mkdir(directory, { recursive: true });
	const hash = createHash('sha256');
	for (const { name } of CATALOG) {
		const text = JSON.stringify(await store.rows(name));
		hash.update(text);
		await writeFile(join(directory, `${name}.json`), text);
	}
	return hash.digest('hex');
}

/** Empties each replicated table and inserts its rows one by one, each in a transaction of its own. */
export async function importTables(store: RowStore, directory: string): Promise<void> {
	const names = CATALOG.map(({ name }) => name);
	for (const name of names.toReversed()) await store.empty(name);
	for (const name of names) {
		const rows = JSON.parse(await readFile(join(directory, `${name}.json`), 'utf8')) as Row[];
		for (const row of rows) await store.insert(name, row);
	}
}

export interface RestartRepository {
	/** RESTIC_REPOSITORY. */
	readonly location: string;
	/** For what is exported, restored and cached. */
	readonly directory: string;
}

/**
 * The strategy that Replicator Kuma is measured against, at its simplest: the leader exports and makes a restic snapshot
 * when something is different; a replica that finds a new one stops its Kuma, writes every row anew, and starts it.
 */
export class RestartStrategy {
	readonly #repository: RestartRepository;
	#publishedHash = '';
	#appliedId = '';
	#kuma: KumaInstance | undefined;

	constructor(repository: RestartRepository) {
		this.#repository = repository;
	}

	/** Not needed where there is one already: its snapshots are told from others by their host. */
	async createRepository(): Promise<void> {
		await this.#restic(['init']);
	}

	/** A cycle of the leader. @returns whether there was something to publish. */
	async publish(store: RowStore): Promise<boolean> {
		const directory = join(this.#repository.directory, 'export');
		const hash = await exportTables(store, directory);
		await this.#newestId();
		if (hash === this.#publishedHash) return false;
		await this.#restic(['backup', '--json', '--host', HOST, '.'], directory);
		this.#publishedHash = hash;
		return true;
	}

	/** A cycle of a replica. @returns how long its Kuma did not answer; null when there was nothing new. */
	async follow(replica: {
		readonly openStore: () => Promise<RowStore>;
		readonly startKuma: () => Promise<KumaInstance>;
	}): Promise<number | null> {
		const id = await this.#newestId();
		if (id === this.#appliedId) return null;
		const directory = join(this.#repository.directory, 'restored');
		await rm(directory, { recursive: true, force: true });
		await this.#restic(['restore', id, '--target', directory]);
		const stoppedAt = performance.now();
		await this.stop();
		const store = await replica.openStore();
		try {
			await importTables(store, await findTables(directory));
		} finally {
			await store.close();
		}
		this.#kuma = await replica.startKuma();
		this.#appliedId = id;
		return performance.now() - stoppedAt;
	}

	async stop(): Promise<void> {
		await this.#kuma?.stop();
		this.#kuma = undefined;
	}

	async #newestId(): Promise<string> {
		const { stdout } = await this.#restic(['snapshots', '--json', '--host', HOST, '--latest', '1']);
		const [newest] = (JSON.parse(stdout) ?? []) as { readonly id: string }[];
		return newest?.id ?? '';
	}

	#restic(words: readonly string[], cwd = this.#repository.directory) {
		const { location, directory } = this.#repository;
		return execa('restic', words, {
			cwd,
			env: {
				PATH: process.env.PATH ?? '',
				HOME: directory,
				RESTIC_REPOSITORY: location,
				RESTIC_PASSWORD: 'sesame-open-up',
				RESTIC_CACHE_DIR: join(directory, 'cache'),
			},
			extendEnv: false,
			stdin: 'ignore',
		});
	}
}

/** restic restores below the path that the snapshot was made of, or at the root. */
async function findTables(directory: string): Promise<string> {
	const found = (await readdir(directory, { recursive: true })).find((path) => path.endsWith('monitor.json'));
	if (found === undefined) throw new Error(`No table was restored into ${directory}`);
	return join(directory, found, '..');
}

/** Starts a Kuma alone on a data directory of its own. */
export function startKumaAlone(options: {
	dataDirectory: string;
	port: number;
}): () => Promise<KumaInstance> {
	return () => startKuma({ database: 'sqlite', ...options });
}
