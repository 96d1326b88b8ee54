import { readFileSync } from 'node:fs';

/** USER_HZ, in which Linux counts CPU time for programs, on every machine that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface ProcessUsage {
	/** CPU seconds of the process, and of its children that have ended: restic. Kuma runs on, so it is not in it. */
	readonly cpuSeconds: number;
	/** Those of the children alone. */
	readonly childrenCpuSeconds: number;
	readonly residentMegabytes: number;
}

/** What a running process has used by now, as Linux tells. */
export function readProcessUsage(pid: number): ProcessUsage {
	// The name stands in brackets and may hold anything.
	const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
	const [user, system, childrenUser, childrenSystem] = stat.slice(11, 15).map(Number);
	const childrenTicks = (childrenUser ?? 0) + (childrenSystem ?? 0);
	const ticks = (user ?? 0) + (system ?? 0) + childrenTicks;
	const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
	return {
		cpuSeconds: ticks / TICKS_PER_SECOND,
		childrenCpuSeconds: childrenTicks / TICKS_PER_SECOND,
		residentMegabytes: Number(resident) / 1024,
	};
}
