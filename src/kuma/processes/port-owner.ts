import { readlink } from 'node:fs/promises';
import {
	isNothingToSee,
	listProcesses,
	listProcessTree,
	readProc,
	readProcDirectory,
} from './process-table.ts';

/** Whose socket listens on a port. `unknown`: the system does not say, or this user may not see it. */
export type PortOwner = 'process-tree' | 'somebody-else' | 'unknown';

// The state of a listening socket in /proc/net/tcp.
const LISTENING = '0A';

/** Finds out whether a listening socket on `port` belongs to the process `rootPid` or to one that it has started. */
export async function findPortOwner({
	port,
	rootPid,
}: {
	port: number;
	rootPid: number;
}): Promise<PortOwner> {
	const inodes = await listeningInodes(port);
	const tree = await listProcessTree(rootPid);
	if (inodes === null || tree === null) return 'unknown';
	let isAllSeen = true;
	for (const pid of tree) {
		const sockets = await socketInodes(pid);
		if (sockets === null) isAllSeen = false;
		else if (sockets.some((inode) => inodes.has(inode))) return 'process-tree';
	}
	return isAllSeen ? 'somebody-else' : 'unknown';
}

/** @returns a process that listens on `port`, for messages, or null when none can be seen. */
export async function findListeningPid(port: number): Promise<number | null> {
	const inodes = await listeningInodes(port);
	if (inodes === null || inodes.size === 0) return null;
	for (const { pid } of (await listProcesses()) ?? []) {
		const sockets = await socketInodes(pid);
		if (sockets?.some((inode) => inodes.has(inode))) return pid;
	}
	return null;
}

async function listeningInodes(port: number): Promise<ReadonlySet<string> | null> {
	const tables = await Promise.all([readProc('/proc/net/tcp'), readProc('/proc/net/tcp6')]);
	if (tables.every((table) => table === null)) return null;
	const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
	const inodes = new Set<string>();
	for (const line of tables.flatMap((table) => table?.split('\n').slice(1) ?? [])) {
		// sl, local_address, rem_address, st, queues, timer, retransmits, uid, timeout, inode
		const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
		if (state === LISTENING && local?.endsWith(suffix) && inode !== undefined) inodes.add(inode);
	}
	return inodes;
}

async function socketInodes(pid: number): Promise<string[] | null> {
	const names = await readProcDirectory(`/proc/${pid}/fd`);
	if (names === null) return null;
	const targets = await Promise.all(names.map((name) => readOptionalLink(`/proc/${pid}/fd/${name}`)));
	return targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target ?? '')?.[1] ?? []);
}

async function readOptionalLink(path: string): Promise<string | null> {
	try {
		return await readlink(path);
	} catch (error) {
		if (isNothingToSee(error)) return null;
		throw error;
	}
}
