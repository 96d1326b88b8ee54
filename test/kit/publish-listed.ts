import { findPublished } from '../../src/lineage/find-published.ts';
import type { Publication, PublishedSnapshot, Repository } from '../../src/model/lineage.ts';

/** Publishes, and looks it up. */
export async function publishListed(
	repository: Repository,
	publication: Publication,
): Promise<PublishedSnapshot> {
	const idStart = await repository.publish(publication);
	const { location } = repository;
	return findPublished(await repository.list(), { idStart, place: publication, location });
}
