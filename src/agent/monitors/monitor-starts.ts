import { agentLog, guarded } from '../agent-log.ts';
import type { Bean } from '../kuma/kuma.ts';
import type { ServerAccess } from '../kuma/server-access.ts';
import { within } from '../within.ts';

/** A start reads a monitor's tags, and begins its first beat without waiting for it. */
const START_MAX_MS = 30_000;

/** Kuma reads its monitors and starts them one by one for minutes; a reload in between must not be undone by that. */
export class MonitorStarts {
	/** Stopped and replaced: Kuma's own loop over what it read at its start must not start them after all. */
	readonly #retired = new WeakSet<object>();
	/** Those that we start ourselves, and hear of what comes of it. */
	readonly #ours = new WeakSet<object>();
	readonly #onFailed: (id: number | 'all', error: unknown) => void;
	#setLoaded: () => void = () => {};
	/** Resolves when Kuma has read its monitors: before that, a reload would start them a second time. */
	readonly loaded = new Promise<void>((resolve) => {
		this.#setLoaded = resolve;
	});

	/** @param onFailed called when Kuma itself could not start a monitor, or any: it logs that, and leaves it at that. */
	constructor(onFailed: (id: number | 'all', error: unknown) => void) {
		this.#onFailed = onFailed;
	}

	/** @param monitorClass Kuma's class Monitor. @returns whether it is as expected. */
	install(monitorClass: unknown): boolean {
		const { prototype } = (monitorClass ?? {}) as { prototype?: { start?: unknown } };
		const start = prototype?.start;
		if (prototype === undefined || typeof start !== 'function') return false;
		const isRetired = (bean: object) => this.#retired.has(bean);
		const setLoaded = () => this.#setLoaded();
		const note = (bean: Bean, error: unknown) =>
			guarded('noting a failed start', () => {
				if (!this.#ours.has(bean) && !isRetired(bean)) this.#onFailed(Number(bean.id), error);
			});
		// Kuma's own start does not look whether it was stopped meanwhile, and goes on to beat.
		const stopIfRetired = (bean: Bean) => {
			if (isRetired(bean)) end(bean).catch((error: unknown) => agentLog('a late stop failed', error));
		};
		prototype.start = function (this: Bean, ...values: unknown[]) {
			setLoaded();
			if (isRetired(this)) return undefined;
			try {
				const started: unknown = start.apply(this, values);
				if (started instanceof Promise)
					started.then(
						() => stopIfRetired(this),
						(error: unknown) => note(this, error),
					);
				return started;
			} catch (error) {
				note(this, error);
				throw error;
			}
		};
		return true;
	}

	/** An instance without active monitors starts none. */
	watch(access: ServerAccess): void {
		access.wrapStartMonitors?.((startMonitors) => async (...values) => {
			try {
				return await startMonitors(...values);
			} catch (error) {
				guarded('noting that nothing starts', () => this.#onFailed('all', error));
				throw error;
			} finally {
				this.#setLoaded();
			}
		});
	}

	/**
	 * @throws whatever the monitor's own start throws, and an Error when it does not end in time. It goes on then, and is
	 * stopped when it ends after all and the monitor was retired meanwhile.
	 */
	async start(bean: Bean, io: unknown): Promise<void> {
		this.#ours.add(bean);
		await within(START_MAX_MS, async () => bean.start?.(io));
	}

	hasRetired(bean: Bean | undefined): boolean {
		return bean !== undefined && this.#retired.has(bean);
	}

	async retire(bean: Bean): Promise<void> {
		this.#retired.add(bean);
		await end(bean);
	}
}

async function end(bean: Bean): Promise<void> {
	await bean.stop?.();
	// A check that is under way would bring its metrics back when it ends, under the labels of before.
	delete bean.prometheus;
}
