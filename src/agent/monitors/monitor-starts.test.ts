import { expect, test } from 'vitest';
import type { Bean } from '../kuma/kuma.ts';
import { MonitorStarts } from './monitor-starts.ts';

/** Kuma's own class, whose start does as told. */
function installed(start: () => unknown) {
	const failed: [number | 'all', string][] = [];
	const starts = new MonitorStarts((id, error) => failed.push([id, String(error)]));
	class Monitor {
		readonly id = 7;
		start(_io?: unknown): unknown {
			return start();
		}
	}
	expect(starts.install(Monitor)).toBe(true);
	return { starts, failed, newMonitor: () => new Monitor() };
}

const broken = {
	throws: () => {
		throw new Error('locked');
	},
	rejects: () => Promise.reject(new Error('locked')),
};

test.each(Object.entries(broken))('what Kuma itself starts and %s is told', async (_how, start) => {
	const { failed, newMonitor } = installed(start);

	await expect(async () => newMonitor().start()).rejects.toThrow('locked');

	expect(failed).toEqual([[7, 'Error: locked']]);
});

test.each(Object.entries(broken))('what we start and %s is told to us alone', async (_how, start) => {
	const { starts, failed, newMonitor } = installed(start);

	await expect(starts.start(newMonitor() as Bean, null)).rejects.toThrow('locked');

	expect(failed).toEqual([]);
});

test('a Kuma that could read no monitor at its start says so', async () => {
	const { starts, failed } = installed(() => undefined);
	let startMonitors: (() => unknown) | undefined;

	starts.watch({
		wrapStartMonitors: (wrap) => {
			startMonitors = wrap(broken.rejects);
		},
	});
	await expect(async () => startMonitors?.()).rejects.toThrow('locked');

	expect(failed).toEqual([['all', 'Error: locked']]);
	await starts.loaded;
});

test.each(['we', 'Kuma'])(
	'a start by %s that ends after its monitor was retired is stopped again',
	async (who) => {
		const { promise, resolve } = Promise.withResolvers<void>();
		const { starts, newMonitor } = installed(() => promise);
		let stops = 0;
		const bean: Bean = Object.assign(newMonitor(), {
			stop: () => {
				stops += 1;
			},
		});

		const started = who === 'we' ? starts.start(bean, null) : bean.start?.(null);
		await starts.retire(bean);
		expect(stops).toBe(1);
		resolve();
		await started;
		// Whatever follows the end of the start.
		await new Promise((done) => setImmediate(done));

		expect(stops).toBe(2);
	},
);

test('a monitor that starts in peace is not stopped', async () => {
	const { starts, newMonitor } = installed(async () => undefined);
	let stops = 0;
	const bean: Bean = Object.assign(newMonitor(), { stop: () => (stops += 1) });

	await starts.start(bean, null);
	await new Promise((done) => setImmediate(done));

	expect(stops).toBe(0);
});

test("what Kuma's own start throws is thrown, even if it cannot be noted", async () => {
	const starts = new MonitorStarts(() => {
		throw new Error('no problem can be told');
	});
	class Monitor {
		start(): unknown {
			throw new Error('locked');
		}
	}
	starts.install(Monitor);

	expect(() => new Monitor().start()).toThrow('locked');
});
