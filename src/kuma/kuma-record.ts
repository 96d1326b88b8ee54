import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { readBootId, readProcess } from './process-table.ts';

const recordSchema = z.object({
	pid: z.int().min(2),
	startTime: z.string().min(1).nullable(),
	bootId: z.string().min(1).nullable(),
	command: z.array(z.string()),
});

/** Which Kuma was started, so that the next run can tell it from a stranger with the same process id. */
export type KumaRecord = z.infer<typeof recordSchema>;

/** @returns what names the process `pid` for ever; the nulls of a system without /proc never match anything. */
export async function makeRecord(pid: number, command: readonly string[]): Promise<KumaRecord> {
	const [entry, bootId] = await Promise.all([readProcess(pid), readBootId()]);
	return { pid, startTime: entry?.startTime ?? null, bootId, command: [...command] };
}

/**
 * @returns the record, or null when there is none. One that cannot be understood counts as none: it must not keep
 * Kuma from starting, and a Kuma that lives on unrecorded is still noticed by its port.
 */
export async function loadRecord(path: string): Promise<KumaRecord | null> {
	try {
		return recordSchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data ?? null;
	} catch (error) {
		if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
		throw error;
	}
}

/** @returns whether the recorded process is alive: the same pid, started at the same time, since the same boot. */
export async function isStillAlive(record: KumaRecord): Promise<boolean> {
	if (record.startTime === null || record.bootId === null) return false;
	const [entry, bootId] = await Promise.all([readProcess(record.pid), readBootId()]);
	return entry?.startTime === record.startTime && bootId === record.bootId;
}
