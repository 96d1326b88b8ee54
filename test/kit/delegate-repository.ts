import type { Repository } from '../../src/model/lineage.ts';

/** @returns that repository as an object that can be spread, for a test to put its own methods over some of them. */
export function delegateRepository(repository: Repository): Repository {
	return {
		location: repository.location,
		list: () => repository.list(),
		listWithLegacy: () => repository.listWithLegacy(),
		create: () => repository.create(),
		publish: (publication) => repository.publish(publication),
		fetch: (request) => repository.fetch(request),
		retain: (request) => repository.retain(request),
		prune: () => repository.prune(),
		id: () => repository.id(),
	};
}
