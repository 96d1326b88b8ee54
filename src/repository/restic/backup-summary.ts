import * as z from 'zod';

const SUMMARY = z.object({
	message_type: z.literal('summary'),
	/** restic 0.14 writes the first eight digits only. */
	snapshot_id: z.string().regex(/^[0-9a-f]{8,64}$/),
});

/** @returns the id of the snapshot that `restic backup --json` says it made, or null when it made none. */
export function snapshotIdOf(stdout: string): string | null {
	const last = stdout.trimEnd().split('\n').at(-1) ?? '';
	if (!last.includes('"summary"')) return null;
	return SUMMARY.safeParse(JSON.parse(last)).data?.snapshot_id ?? null;
}
