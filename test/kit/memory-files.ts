import { dirname } from 'node:path';

/** What the product asks of `node:fs/promises`, kept in memory: for simulations, which would wait for a disk most of their time. */
export interface MemoryFiles {
	mkdir(path: string, options?: { readonly recursive?: boolean }): Promise<undefined>;
	open(path: string, flags?: string): Promise<MemoryHandle>;
	readFile(path: string, options?: unknown): Promise<string | Buffer>;
	writeFile(path: string, content: string | Uint8Array): Promise<void>;
	rename(from: string, to: string): Promise<void>;
	rm(path: string, options?: { readonly recursive?: boolean; readonly force?: boolean }): Promise<void>;
	readdir(path: string): Promise<string[]>;
	chmod(path: string): Promise<void>;
	stat(path: string): Promise<{ isFile(): boolean; isDirectory(): boolean; readonly size: number }>;
}

export interface MemoryHandle {
	writeFile(content: string | Uint8Array): Promise<void>;
	chmod(): Promise<void>;
	sync(): Promise<void>;
	close(): Promise<void>;
}

export interface MemoryDisk {
	readonly files: MemoryFiles;
	/** Empties it. */
	clear(): void;
	/** @returns content by path below the directory. */
	list(directory: string): Map<string, Uint8Array>;
}

/** One disk. Paths are absolute and normal; a folder is there when it was made, or when something is in it. */
export function memoryDisk(): MemoryDisk {
	const contents = new Map<string, Buffer>();
	const folders = new Set<string>();
	const isBelow = (path: string, folder: string) => path.startsWith(`${folder}/`);
	const isFolder = (path: string) =>
		folders.has(path) || [...contents.keys()].some((file) => isBelow(file, path));
	const write = (path: string, content: string | Uint8Array) => {
		contents.set(path, Buffer.from(content));
		folders.add(dirname(path));
	};
	const find = (path: string): Buffer => contents.get(path) ?? fail('ENOENT', path);
	const disk: MemoryDisk = {
		clear() {
			contents.clear();
			folders.clear();
		},
		list: (directory) =>
			new Map(
				[...contents]
					.filter(([path]) => isBelow(path, directory))
					.map(([path, content]) => [path.slice(directory.length + 1), new Uint8Array(content)]),
			),
		files: {
			async mkdir(path) {
				folders.add(path);
				return undefined;
			},
			async open(path, flags = 'r') {
				if (flags.includes('x') && contents.has(path)) fail('EEXIST', path);
				if (flags.startsWith('r') && !contents.has(path) && !isFolder(path)) fail('ENOENT', path);
				if (flags.startsWith('w')) write(path, '');
				return {
					async writeFile(content) {
						write(path, content);
					},
					chmod: async () => undefined,
					sync: async () => undefined,
					close: async () => undefined,
				};
			},
			async readFile(path, options) {
				const content = find(path);
				return options === undefined ? content : content.toString('utf8');
			},
			async writeFile(path, content) {
				write(path, content);
			},
			async rename(from, to) {
				if (contents.has(from)) {
					contents.set(to, find(from));
					contents.delete(from);
					return;
				}
				if (!isFolder(from)) fail('ENOENT', from);
				for (const [path, content] of [...contents].filter(([file]) => isBelow(file, from))) {
					contents.delete(path);
					contents.set(to + path.slice(from.length), content);
				}
				for (const folder of [...folders].filter((one) => one === from || isBelow(one, from))) {
					folders.delete(folder);
					folders.add(to + folder.slice(from.length));
				}
			},
			async rm(path, { recursive = false, force = false } = {}) {
				if (contents.delete(path)) return;
				if (!isFolder(path)) {
					if (!force) fail('ENOENT', path);
					return;
				}
				if (!recursive) fail('EISDIR', path);
				for (const file of [...contents.keys()].filter((one) => isBelow(one, path))) contents.delete(file);
				for (const folder of [...folders].filter((one) => one === path || isBelow(one, path)))
					folders.delete(folder);
			},
			async readdir(path) {
				if (!isFolder(path)) fail('ENOENT', path);
				const names = [...contents.keys(), ...folders]
					.filter((one) => isBelow(one, path))
					.map((one) => one.slice(path.length + 1).split('/', 1)[0] ?? '');
				return [...new Set(names)];
			},
			chmod: async () => undefined,
			async stat(path) {
				const content = contents.get(path);
				if (content === undefined && !isFolder(path)) fail('ENOENT', path);
				return {
					isFile: () => content !== undefined,
					isDirectory: () => content === undefined,
					size: content?.length ?? 0,
				};
			},
		},
	};
	return disk;
}

function fail(code: string, path: string): never {
	throw Object.assign(new Error(`${code}: ${path}`), { code });
}
