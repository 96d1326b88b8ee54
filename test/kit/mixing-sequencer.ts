import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Spreads the files of each project evenly among those of the others: some projects wait and others compute, so that
 * side by side they keep every core busy. Within a project the order is Vitest's own, the longest file first; none of
 * the few long ones is left for the end, when there is nothing to mix it with.
 */
export class MixingSequencer extends BaseSequencer {
	override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
		const byProject = Map.groupBy(await super.sort(files), ({ project }) => project.name);
		return [...byProject.values()]
			.flatMap((ofProject) => ofProject.map((file, index) => ({ file, at: index / ofProject.length })))
			.sort((one, other) => one.at - other.at)
			.map(({ file }) => file);
	}
}
