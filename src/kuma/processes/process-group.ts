import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicatorError } from '../../model/replicator-error.ts';
import { listProcesses, readProcess } from './process-table.ts';

const POLL_MS = 50;
/** A killed process is gone at once, unless the kernel itself waits for a disk. */
const KILLED_WITHIN_MS = 10_000;

/**
 * Ends a process that leads a group of its own, and everything in that group. The leader is asked first and alone:
 * Kuma's embedded database server runs in the same group and must outlive Kuma's own clean-up. What is left then is
 * asked, too, and after `graceMs` all of it is killed.
 * @throws ReplicatorError `kuma-not-stoppable` when something is still there, or may not be signalled.
 */
export async function endProcessGroup({
	leaderPid,
	graceMs,
}: {
	leaderPid: number;
	graceMs: number;
}): Promise<void> {
	const deadline = performance.now() + graceMs;
	if (await isAlive(leaderPid)) {
		send(leaderPid, 'SIGTERM');
		await waitUntil(async () => !(await isAlive(leaderPid)), deadline);
	}
	await endRestOfGroup({ leaderPid, graceMs: Math.max(0, deadline - performance.now()) });
}

/**
 * Ends what is left of a group, whether its leader is still there or not. To be called while the group is known to
 * be ours: once it is empty, its number can become somebody else's.
 * @throws ReplicatorError `kuma-not-stoppable`, as above.
 */
export async function endRestOfGroup({
	leaderPid,
	graceMs,
}: {
	leaderPid: number;
	graceMs: number;
}): Promise<void> {
	if (await isGroupGone(leaderPid)) return;
	if (graceMs > 0) {
		send(-leaderPid, 'SIGTERM');
		if (await waitUntil(() => isGroupGone(leaderPid), performance.now() + graceMs)) return;
	}
	send(-leaderPid, 'SIGKILL');
	if (await waitUntil(() => isGroupGone(leaderPid), performance.now() + KILLED_WITHIN_MS)) return;
	throw new ReplicatorError(`Uptime Kuma's process group ${leaderPid} is still there after SIGKILL`, {
		code: 'kuma-not-stoppable',
		hint: `Look at it with \`ps -g ${leaderPid}\`: a process in state D waits for a disk or a network share.`,
		isRetryable: true,
	});
}

/**
 * Sends a signal to a process, or to a group where `pid` is negative. One that has ended already is no failure.
 * @throws ReplicatorError `kuma-not-stoppable` when this user may not.
 */
export function send(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		if (code === 'ESRCH') return;
		throw new ReplicatorError(`Could not send ${signal} to process ${pid} (${code})`, {
			code: 'kuma-not-stoppable',
			hint: 'Run replicator-kuma as the user that Uptime Kuma runs as.',
			cause,
		});
	}
}

async function isAlive(pid: number): Promise<boolean> {
	if ((await read(() => readProcess(pid))) !== null) return true;
	const isProcReadable = (await read(() => readProcess(process.pid))) !== null;
	return !isProcReadable && exists(pid);
}

/** Where no file to open is left, or /proc is broken, a signal still says whether a process is there. */
async function read<Result>(ask: () => Promise<Result | null>): Promise<Result | null> {
	try {
		return await ask();
	} catch {
		return null;
	}
}

/** Zombies do not count: nobody may be there to collect them, as in a container without an init. */
async function isGroupGone(groupId: number): Promise<boolean> {
	const processes = await read(listProcesses);
	if (processes === null) return !exists(-groupId);
	return processes.every((entry) => entry.groupId !== groupId);
}

/** @returns whether there is a process, or a group where `pid` is negative, of that number. */
export function exists(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}

/** @returns whether the condition came true before the deadline, a reading of performance.now(). */
async function waitUntil(isTrue: () => Promise<boolean>, deadline: number): Promise<boolean> {
	while (!(await isTrue())) {
		if (performance.now() >= deadline) return false;
		await sleep(POLL_MS);
	}
	return true;
}
