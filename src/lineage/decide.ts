import type { PublishedSnapshot } from '../model/lineage.ts';
import type { InstanceState } from '../model/state.ts';
import { isAheadOf } from './position.ts';

/** What a person asked for on top of an ordinary cycle. */
export interface LeaderOrders {
	/** Overrule the head: publish on top of it, though this instance never held it. */
	readonly takesOver: boolean;
	/** Confirm for all replicas that what the snapshot lacks may be deleted. */
	readonly allowsDeletes: boolean;
}

export type LeaderDecision =
	/** The head is what this instance holds, and what its replicas hold. */
	| { readonly decision: 'unchanged'; readonly head: PublishedSnapshot }
	| { readonly decision: 'publish'; readonly parent: PublishedSnapshot | null; readonly generation: number }
	/** Nobody has set this Kuma up: take the fleet's configuration first. */
	| { readonly decision: 'restore-first'; readonly head: PublishedSnapshot }
	/** Nobody has set this Kuma up, and there is nothing to take. An instance without users is never published. */
	| { readonly decision: 'wait-for-user' }
	/** This instance does not hold the head, as far as it remembers: look whether it does all the same. */
	| { readonly decision: 'compare'; readonly head: PublishedSnapshot }
	/** Rows of the fleet could not be applied here; publishing would delete them everywhere. */
	| { readonly decision: 'stand-down-held-rows' };

/**
 * The fast-forward rule: a leader publishes only on top of a head that it holds, because it published or applied it.
 */
export function decide(request: {
	readonly head: PublishedSnapshot | null;
	readonly state: InstanceState;
	/** The digest of what this instance's database holds now. */
	readonly digest: string;
	readonly hasUsers: boolean;
	readonly orders: LeaderOrders;
}): LeaderDecision {
	const { head, state, digest, orders } = request;
	if (!request.hasUsers)
		return head === null ? { decision: 'wait-for-user' } : { decision: 'restore-first', head };
	if (state.heldRows.length > 0) return { decision: 'stand-down-held-rows' };
	if (head === null) return { decision: 'publish', parent: null, generation: 1 };
	const holdsHead =
		state.position?.id === head.id ||
		// As a replica it was handed more than the repository has; now it publishes that.
		isAheadOf(state.position, head) ||
		isIntended(state, head) ||
		head.digest === digest;
	if (!holdsHead && !orders.takesOver) return { decision: 'compare', head };
	const isOrdered = orders.allowsDeletes || owesPublish(state, head);
	if (holdsHead && head.digest === digest && !isOrdered) return { decision: 'unchanged', head };
	return { decision: 'publish', parent: head, generation: head.generation + 1 };
}

/** A head that this very instance was about to publish when it died is its own. */
export function isIntended(state: InstanceState, head: PublishedSnapshot): boolean {
	const { intent } = state;
	return (
		intent !== null &&
		head.instanceId === state.instanceId &&
		head.parentId === intent.parentId &&
		head.generation === intent.generation &&
		head.digest === intent.digest
	);
}

/**
 * Whether replicas may have applied something that neither the head nor anything before it replaces. From a head of
 * that generation on, they find by themselves what holds.
 */
function owesPublish({ announced }: InstanceState, head: PublishedSnapshot): boolean {
	return announced !== null && head.generation < announced.generation;
}
