import { readdir, readFile } from 'node:fs/promises';

/** A process as the kernel shows it. Zombies are not listed: they hold nothing any more. */
export interface ProcessEntry {
	readonly pid: number;
	readonly parentPid: number;
	readonly groupId: number;
	/** In clock ticks since the machine started; with the pid it names one process and no later one. */
	readonly startTime: string;
}

// Positions in /proc/<pid>/stat, counted from the state, which follows the command's closing parenthesis.
const STATE = 0;
const PARENT = 1;
const GROUP = 2;
const START_TIME = 19;

/** @returns the living process with that pid, or null where there is none or /proc cannot be read. */
export async function readProcess(pid: number): Promise<ProcessEntry | null> {
	const text = await readProc(`/proc/${pid}/stat`);
	if (text === null) return null;
	// The command's name may hold spaces and parentheses.
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
	const state = fields[STATE];
	const startTime = fields[START_TIME];
	if (startTime === undefined || state === 'Z' || state === 'X') return null;
	return { pid, parentPid: Number(fields[PARENT]), groupId: Number(fields[GROUP]), startTime };
}

/** @returns every living process that this user can see, or null on a system without /proc. */
export async function listProcesses(): Promise<ProcessEntry[] | null> {
	const names = await readProcDirectory('/proc');
	const pids = names?.filter((name) => /^\d+$/.test(name)).map(Number);
	if (pids === undefined || pids.length === 0) return null;
	const entries = await Promise.all(pids.map(readProcess));
	return entries.filter((entry) => entry !== null);
}

/** @returns the process, its descendants and the members of its group, or null on a system without /proc. */
export async function listProcessTree(rootPid: number): Promise<number[] | null> {
	const all = await listProcesses();
	if (all === null) return null;
	const tree = new Set(
		all.filter((entry) => entry.pid === rootPid || entry.groupId === rootPid).map((e) => e.pid),
	);
	for (let sizeBefore = -1; sizeBefore !== tree.size; ) {
		sizeBefore = tree.size;
		for (const entry of all) if (tree.has(entry.parentPid)) tree.add(entry.pid);
	}
	return [...tree];
}

/** @returns a name of this run of the machine, or null where the system has none. */
export async function readBootId(): Promise<string | null> {
	return (await readProc('/proc/sys/kernel/random/boot_id'))?.trim() ?? null;
}

/** @returns the text of a file below /proc, or null when its process is gone or it may not be read. */
export async function readProc(path: string): Promise<string | null> {
	try {
		return await readFile(path, 'utf8');
	} catch (error) {
		if (isNothingToSee(error)) return null;
		throw error;
	}
}

/** @returns the names in a directory below /proc, or null when its process is gone or it may not be read. */
export async function readProcDirectory(path: string): Promise<string[] | null> {
	try {
		return await readdir(path);
	} catch (error) {
		if (isNothingToSee(error)) return null;
		throw error;
	}
}

/** @returns whether /proc answers so for a process that has ended meanwhile or belongs to somebody else. */
export function isNothingToSee(error: unknown): boolean {
	const code = (error as NodeJS.ErrnoException).code ?? '';
	return ['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'ENOTDIR', 'EINVAL'].includes(code);
}
