/** How long nothing is followed after what went wrong: whoever tells nonsense must not keep this instance busy. */
const REST_MS = 2_000;

export interface NewestFollower<Item> {
	/** Something newer than all before. */
	follow(item: Item): void;
	/** Follows nothing any more. */
	stop(): void;
}

/**
 * Follows one thing at a time, and of those that come meanwhile only the newest: a flood, or somebody slow, costs no
 * more than that, and nothing queues up. The newest of all is always followed in the end.
 * @param options.follow resolves to whether it went well; to reject is to go wrong, too.
 * @param options.onError told what `follow` has rejected with.
 */
export function followNewest<Item>(options: {
	readonly follow: (item: Item) => Promise<boolean>;
	readonly onError: (error: unknown) => void;
	readonly restMs?: number;
}): NewestFollower<Item> {
	const { restMs = REST_MS } = options;
	let waiting: { readonly item: Item } | null = null;
	let state: 'idle' | 'busy' | 'stopped' = 'idle';
	let rest: NodeJS.Timeout | undefined;

	async function followOn(): Promise<void> {
		state = 'busy';
		while (waiting !== null && !isStopped()) {
			const { item } = waiting;
			waiting = null;
			if ((await isFollowed(item)) || isStopped()) continue;
			rest = setTimeout(() => void followOn(), restMs);
			return;
		}
		if (!isStopped()) state = 'idle';
	}

	async function isFollowed(item: Item): Promise<boolean> {
		try {
			return await options.follow(item);
		} catch (error) {
			options.onError(error);
			return false;
		}
	}

	function isStopped(): boolean {
		return state === 'stopped';
	}

	return {
		follow(item) {
			waiting = { item };
			if (state === 'idle') void followOn();
		},
		stop() {
			state = 'stopped';
			clearTimeout(rest);
		},
	};
}
