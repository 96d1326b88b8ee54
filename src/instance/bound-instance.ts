import type { FleetInstance } from '../model/instance.ts';
import type { Reload } from '../model/reload.ts';

/**
 * @returns the instance as one piece of work may use it: when the signal is aborted, what it has under way is cut short
 * where that can be done, and nothing of it takes effect any more. Only starting again what was stopped is always allowed.
 */
export function boundInstance(instance: FleetInstance, signal: AbortSignal): FleetInstance {
	const { reload, announcer } = instance;
	const repository = instance.repository.within?.(signal) ?? instance.repository;
	return {
		...instance,
		state: { read: () => instance.state.read(), save: refusing(signal, instance.state).save },
		snapshots: refusing(signal, instance.snapshots),
		uploads: refusing(signal, instance.uploads),
		repository: refusing(signal, repository),
		reload: boundReload(reload, signal),
		...(announcer === undefined ? {} : { announcer }),
		openDatabase: () => instance.openDatabase(signal),
	};
}

/** What is committed already when the turn is over stays owed: nobody else knows that Kuma was not told of it. */
function boundReload(reload: Reload, signal: AbortSignal): Reload {
	return {
		...refusing(signal, reload),
		resume: reload.resume,
		owe: reload.owe,
		reload: async (plan) => {
			if (signal.aborted) reload.owe(plan);
			signal.throwIfAborted();
			return reload.reload(plan);
		},
	};
}

/** The same part, every call of which is refused once the signal is aborted. */
function refusing<Part extends object>(signal: AbortSignal, part: Part): Part {
	return new Proxy(part, {
		get(target, name) {
			const value: unknown = Reflect.get(target, name, target);
			if (typeof value !== 'function') return value;
			return (...values: unknown[]) => {
				signal.throwIfAborted();
				return value.apply(target, values);
			};
		},
	});
}
