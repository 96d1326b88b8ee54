import type { LineageSnapshot } from '../model/lineage.ts';
import { describeGeneration } from './describe-generation.ts';

/** @returns a snapshot as people read it: the beginning of its id, its generation, its leader. */
export function describeSnapshot({ id, digest, generation, hostname }: LineageSnapshot): string {
	return id === null
		? `${digest.slice(0, 8)} (${describeGeneration(generation)}, from ${hostname} itself, ahead of the repository)`
		: `${id.slice(0, 8)} (${describeGeneration(generation)}, from ${hostname})`;
}
