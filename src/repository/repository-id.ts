import * as z from 'zod';
import { ReplicatorError } from '../model/replicator-error.ts';

const CONFIG = z.object({ id: z.string().regex(/^[0-9a-f]{64}$/) });

/** @returns the id in what `restic cat config` printed. @throws ReplicatorError `restic-failed` when there is none. */
export function repositoryIdOf(stdout: string): string {
	try {
		return CONFIG.parse(JSON.parse(stdout)).id;
	} catch (cause) {
		throw new ReplicatorError("The repository's id could not be read.", {
			code: 'restic-failed',
			hint: 'See what "restic cat config" prints: JSON with an id is expected.',
			cause,
		});
	}
}
