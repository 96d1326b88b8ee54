import type { Reload } from '../model/reload.ts';

/** For whoever applies beside a Kuma that is not theirs to reload: whatever runs Kuma, it is not this process. */
export const NO_RELOAD: Reload = {
	canReload: () => true,
	stop: async () => undefined,
	resume: async () => undefined,
	reload: async () => ({ outcome: 'not-running' }),
	owe: () => undefined,
	settle: async () => null,
};
