import * as z from 'zod';

const instanceId = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);

/** What a leader tells of its newest snapshot, as an event. Whoever hears it looks for itself: it is never trusted. */
export const snapshotHint = z.object({
	generation: z.int().min(1),
	digest: z.string().regex(/^[0-9a-f]{64}$/),
	/** Whether the repository has it already; before, only the leader itself does. */
	isKept: z.boolean(),
	/** Which instance tells it; absent from a leader of an earlier version. */
	instanceId: instanceId.optional(),
});

export type SnapshotHint = z.infer<typeof snapshotHint>;

/** What a leader tells when it stands by no snapshot: it has withdrawn what it announced, or has announced nothing yet. */
export const withdrawal = z.object({ instanceId });

export type Withdrawal = z.infer<typeof withdrawal>;
