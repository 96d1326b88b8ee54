/** How calls of the repository fail: before or after their effect, at once or after a wait without end. */
export type Failure = 'none' | 'before' | 'after' | 'hang-before' | 'hang-after';

/** One thing that happens to the fleet. Members are 0 to 3; the first leads at the beginning. */
export type Step =
	| { readonly do: 'edit'; readonly leader: number; readonly monitor: number; readonly to: Edit }
	| { readonly do: 'fail'; readonly who: number | 'all'; readonly how: Failure }
	/** Ends the process after so many of its calls, between any two of them. */
	| { readonly do: 'kill'; readonly who: number; readonly calls: number }
	| { readonly do: 'start'; readonly who: number }
	| { readonly do: 'lead'; readonly who: number }
	| { readonly do: 'follow'; readonly who: number }
	| { readonly do: 'disconnect'; readonly who: number }
	| { readonly do: 'listen'; readonly who: number; readonly to: number }
	| { readonly do: 'set clock'; readonly who: number; readonly byMs: number }
	| { readonly do: 'pass'; readonly ms: number }
	/** Lets so many calls and events go on, in an order that the seed chooses. */
	| { readonly do: 'go on'; readonly turns: number };

export type Edit =
	| { readonly name: string }
	| { readonly active: 0 | 1 }
	/** The monitor goes, or comes back. */
	| 'toggle';
