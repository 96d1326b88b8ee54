import type { Bean } from './kuma.ts';
import type { ServerAccess } from './server-access.ts';

/** Kuma reads its monitors and starts them one by one for minutes; a reload in between must not be undone by that. */
export class MonitorStarts {
	/** Stopped and replaced: Kuma's own loop over what it read at its start must not start them after all. */
	readonly #retired = new WeakSet<object>();
	#setLoaded: () => void = () => {};
	/** Resolves when Kuma has read its monitors: before that, a reload would start them a second time. */
	readonly loaded = new Promise<void>((resolve) => {
		this.#setLoaded = resolve;
	});

	/** @param monitorClass Kuma's class Monitor. @returns whether it is as expected. */
	install(monitorClass: unknown): boolean {
		const { prototype } = (monitorClass ?? {}) as { prototype?: { start?: unknown } };
		const start = prototype?.start;
		if (prototype === undefined || typeof start !== 'function') return false;
		const isRetired = (bean: object) => this.#retired.has(bean);
		const setLoaded = () => this.#setLoaded();
		prototype.start = function (this: object, ...values: unknown[]) {
			setLoaded();
			if (isRetired(this)) return undefined;
			return start.apply(this, values);
		};
		return true;
	}

	/** An instance without active monitors starts none. */
	watch(access: ServerAccess): void {
		access.wrapStartMonitors?.((startMonitors) => async (...values) => {
			try {
				return await startMonitors(...values);
			} finally {
				this.#setLoaded();
			}
		});
	}

	async retire(bean: Bean): Promise<void> {
		this.#retired.add(bean);
		await bean.stop?.();
	}
}
