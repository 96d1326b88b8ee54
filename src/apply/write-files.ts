import type { Uploads } from '../model/instance.ts';
import type { Plan } from '../model/plan.ts';
import { isReplicatorError } from '../model/replicator-error.ts';

/**
 * Writes the files of a plan, before the rows that show them.
 * @returns those that could not be written, path → why: a page without its image is better than no change at all.
 */
export async function writeFiles(plan: Plan, uploads: Uploads): Promise<ReadonlyMap<string, string>> {
	const unwritten = new Map<string, string>();
	for (const { path, content } of plan.files.writes) {
		const reason = await failureOf(() => uploads.write(path, content));
		if (reason !== null) unwritten.set(path, reason);
	}
	return unwritten;
}

/**
 * Removes the files that a plan does away with, after the rows that showed them.
 * @returns those that are still there, with why. They are of no use any more, and do no harm.
 */
export async function removeFiles(
	plan: Plan,
	uploads: Uploads,
): Promise<readonly { readonly path: string; readonly reason: string }[]> {
	const left: { path: string; reason: string }[] = [];
	for (const path of plan.files.deletes) {
		const reason = await failureOf(() => uploads.remove(path));
		if (reason !== null) left.push({ path, reason });
	}
	return left;
}

async function failureOf(work: () => Promise<void>): Promise<string | null> {
	try {
		await work();
		return null;
	} catch (error) {
		if (!isReplicatorError(error, 'file-access') && !isReplicatorError(error, 'disk-full')) throw error;
		return error.message.replace(/\.$/, '');
	}
}
