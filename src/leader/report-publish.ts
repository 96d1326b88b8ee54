import { describeSnapshot } from '../lineage/describe-snapshot.ts';
import type { CatalogTable } from '../model/catalog-table.ts';
import type { PublishedSnapshot } from '../model/lineage.ts';
import type { HeldRow } from '../model/state.ts';
import { type CycleEnd, NO_DETAILS } from '../model/status.ts';
import { NAMED_MAX, reportRestore } from '../replica/report-restore.ts';
import type { MissingImage } from '../snapshot/take.ts';
import type { PublishOutcome } from './publish-cycle.ts';

/** Says in words what a leader's cycle came to. */
export function reportPublish(outcome: PublishOutcome, catalog: readonly CatalogTable[]): CycleEnd {
	switch (outcome.outcome) {
		case 'not-set-up':
			return reportRestore(outcome, catalog);
		case 'wait-for-user':
			return {
				...NO_DETAILS,
				outcome: 'wait-for-user',
				summary:
					'Kuma has no user yet and the repository has no snapshot; nothing is published until the first user is there.',
			};
		case 'unchanged':
			return {
				...NO_DETAILS,
				outcome: 'unchanged',
				summary: `Nothing changed since snapshot ${describeSnapshot(outcome.head)}.${missingNote(outcome)}`,
				snapshotId: outcome.head.id,
			};
		case 'published':
			return {
				...NO_DETAILS,
				outcome: 'published',
				summary: `Published snapshot ${describeSnapshot(outcome.snapshot)}.${missingNote(outcome)}`,
				heldRows: toHeldRows(outcome),
				snapshotId: outcome.snapshot.id,
			};
		case 'restored-first': {
			const restore = reportRestore(outcome.restore, catalog);
			return {
				...restore,
				summary: `This instance was new and took over what the fleet had. ${restore.summary}`,
			};
		}
		case 'stood-down':
			return {
				...NO_DETAILS,
				outcome: 'stood-down',
				summary: STAND_DOWN[outcome.reason](outcome.head),
				needsDecision: true,
				trouble: `stood-down/${outcome.reason}`,
				heldRows: outcome.heldRows,
				snapshotId: outcome.head?.id ?? null,
			};
	}
}

type MissingImages = readonly MissingImage[];

/** Replicas show such a page without its image. */
function toHeldRows({ missingImages = [] }: { readonly missingImages?: MissingImages }): HeldRow[] {
	return missingImages.map(({ path, pages, reason }) => ({
		table: 'file',
		key: path,
		title: pages.join(', '),
		how: 'held',
		reason,
	}));
}

function missingNote({ missingImages = [] }: { readonly missingImages?: MissingImages }): string {
	return missingImages.length === 0 ? '' : ` ${describeMissing(missingImages)}`;
}

/** @returns a sentence on images, at least one, that are not in a snapshot. */
export function describeMissing(missingImages: readonly MissingImage[]): string {
	const names = missingImages
		.slice(0, NAMED_MAX)
		.map(
			({ path, pages, reason }) => `${quoted(path)} of status page ${pages.map(quoted).join(', ')} ${reason}`,
		);
	const more = missingImages.length > names.length ? `, and ${missingImages.length - names.length} more` : '';
	return `Without images that cannot be read: ${names.join('; ')}${more}.`;
}

function quoted(text: string): string {
	return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

const WAYS_OUT =
	'To take over what the fleet has, run "replicator-kuma restore"; to overrule it with what this instance has, run "replicator-kuma backup --take-over".';

const STAND_DOWN = {
	'another-leader': (head: PublishedSnapshot | null) =>
		`Not publishing: the newest snapshot, ${head === null ? 'unknown' : describeSnapshot(head)}, was neither published nor applied by this instance. ${WAYS_OUT}`,
	'fork-lost': (head: PublishedSnapshot | null) =>
		`Another leader published at the same moment, and its snapshot ${head === null ? '' : describeSnapshot(head)} won. The changes made here stay unpublished. ${WAYS_OUT}`,
	'held-rows': () =>
		'Not publishing: rows of the fleet could not be applied to this instance, and publishing would delete them everywhere. Upgrade or repair this instance and run "replicator-kuma restore", or give rows up by name with "replicator-kuma backup --drop-held TABLE/KEY".',
} as const;
