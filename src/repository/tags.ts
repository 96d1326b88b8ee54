import type { Publication, PublishedSnapshot } from '../model/lineage.ts';

/** On every snapshot that the product makes, whatever its fleet. */
export const BASE_TAG = 'replicator-kuma';

const ALLOW_DELETES = 'allow-deletes';
const NO_PARENT = 'none';

/** restic separates tags by commas, and `=` separates ours from their values: neither may be in a value. */
const PLAIN_NAME = /^[A-Za-z0-9._-]{1,64}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const GENERATION = /^[1-9][0-9]{0,14}$/;

/** What tags say about a snapshot's place in the lineage. */
export type Place = Pick<
	PublishedSnapshot,
	'generation' | 'digest' | 'parentId' | 'instanceId' | 'allowsDeletes'
>;

export type DecodedTags =
	| { readonly outcome: 'ours'; readonly place: Place }
	| { readonly outcome: 'foreign' }
	/** It says that it is of this fleet, but not where it stands. */
	| { readonly outcome: 'broken'; readonly reason: string };

/** @returns whether a fleet can be called so. */
export function isFleetName(name: string): boolean {
	return PLAIN_NAME.test(name);
}

/** @returns the tags that all snapshots of a fleet have. */
export function fleetTags(fleet: string): string[] {
	return [BASE_TAG, `fleet=${fleet}`];
}

/** @returns the tags of a new snapshot. @throws Error when they could not be decoded again: that is a bug. */
export function encodeTags(fleet: string, publication: Publication): string[] {
	const { generation, digest, parentId, instanceId, allowsDeletes } = publication;
	const tags = [
		...fleetTags(fleet),
		`generation=${generation}`,
		`digest=${digest}`,
		`parent=${parentId ?? NO_PARENT}`,
		`instance=${instanceId}`,
		...(allowsDeletes ? [ALLOW_DELETES] : []),
	];
	const decoded = decodeTags(fleet, tags);
	if (decoded.outcome !== 'ours') {
		throw new Error(`not a publication: ${decoded.outcome === 'broken' ? decoded.reason : 'foreign'}`);
	}
	return tags;
}

/** Reads a snapshot's tags. Tags that a person added are left alone; one of ours that is missing, wrong or double is not. */
export function decodeTags(fleet: string, tags: readonly string[]): DecodedTags {
	if (!fleetTags(fleet).every((tag) => tags.includes(tag))) return { outcome: 'foreign' };
	const read = (name: string, pattern: RegExp): string => {
		const values = tags.filter((tag) => tag.startsWith(`${name}=`)).map((tag) => tag.slice(name.length + 1));
		const [value] = values;
		if (value === undefined) throw new BrokenTag(`it has no tag ${name}`);
		if (values.length > 1) throw new BrokenTag(`it has several tags ${name}`);
		if (!pattern.test(value)) throw new BrokenTag(`its tag ${name} has no valid value`);
		return value;
	};
	try {
		read('fleet', PLAIN_NAME);
		const parentId = read('parent', /^(?:none|[0-9a-f]{64})$/);
		const place = {
			generation: Number(read('generation', GENERATION)),
			digest: read('digest', SHA256),
			parentId: parentId === NO_PARENT ? null : parentId,
			instanceId: read('instance', PLAIN_NAME),
			allowsDeletes: tags.includes(ALLOW_DELETES),
		};
		return { outcome: 'ours', place };
	} catch (error) {
		if (error instanceof BrokenTag) return { outcome: 'broken', reason: error.message };
		throw error;
	}
}

class BrokenTag extends Error {}
