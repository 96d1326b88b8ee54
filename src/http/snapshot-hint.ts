import * as z from 'zod';

/** What a leader tells of its newest snapshot, as an event. Whoever hears it looks for itself: it is never trusted. */
export const snapshotHint = z.object({
	generation: z.int().min(1),
	digest: z.string().regex(/^[0-9a-f]{64}$/),
	/** Whether the repository has it already; before, only the leader itself does. */
	isKept: z.boolean(),
});

export type SnapshotHint = z.infer<typeof snapshotHint>;
