import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { readBootId, readProcess } from './processes/process-table.ts';

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
 * @returns the record, or null when there is none. One that cannot be read or understood counts as none: it must not
 * keep Kuma from starting, and a Kuma that lives on unrecorded is still noticed by its agent, or by its port.
 */
export async function loadRecord(path: string): Promise<KumaRecord | null> {
	try {
		return recordSchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data ?? null;
	} catch {
		return null;
	}
}

/**
 * @returns the record of a Kuma that is known by one of its processes alone: of the leader of its group, as which it was
 * started. Null where that is gone.
 */
export async function recordOfGroup(pid: number, command: readonly string[]): Promise<KumaRecord | null> {
	const entry = await readProcess(pid);
	if (entry === null) return null;
	const record = await makeRecord(entry.groupId, command);
	return record.startTime === null ? null : record;
}

/**
 * @returns whether the recorded process is alive: the same pid, started at the same time, since the same boot.
 * @throws Error of the system when it does not say, because there is no file to open left or /proc is broken.
 */
export async function isStillAlive(record: KumaRecord): Promise<boolean> {
	if (record.startTime === null || record.bootId === null) return false;
	const [entry, bootId] = await Promise.all([readProcess(record.pid), readBootId()]);
	return entry?.startTime === record.startTime && bootId === record.bootId;
}
