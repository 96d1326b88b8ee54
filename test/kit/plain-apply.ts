import type { ApplyRequest } from '../../src/replica/apply-snapshot.ts';

/** An apply onto a database that held no snapshot's rows before: everything is compared, and nothing is set aside. */
export const PLAIN_APPLY = {
	previous: null,
	isFirstApply: false,
	guard: 'off',
	allowsDeletes: false,
	keepsLocalEntities: false,
} satisfies Partial<ApplyRequest>;
