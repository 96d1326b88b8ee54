import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Runs `work`. @returns how long nothing else could run in this process, at the worst. */
export async function blockedMs(work: () => Promise<unknown>): Promise<number> {
	const delays = monitorEventLoopDelay({ resolution: 10 });
	delays.enable();
	try {
		await work();
	} finally {
		delays.disable();
	}
	return delays.max / 1e6;
}
