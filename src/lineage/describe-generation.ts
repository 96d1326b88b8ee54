import { LEGACY_GENERATION } from '../model/lineage.ts';

/** @returns a snapshot's place in its lineage as people read it. */
export function describeGeneration(generation: number): string {
	return generation === LEGACY_GENERATION ? 'of the original' : `generation ${generation}`;
}
