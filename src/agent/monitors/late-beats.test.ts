import { expect, test } from 'vitest';
import type { Bean, Beans, Kuma } from '../kuma/kuma.ts';
import { dropLateBeats } from './late-beats.ts';
import { MonitorStarts } from './monitor-starts.ts';

const REFUSED = new Error('a foreign key constraint fails');

interface Situation {
	/** How monitor 7 stands in Kuma's memory. */
	readonly inKuma: 'running' | 'retired' | 'gone';
	/** Whether the database has it; an error is what the look for it fails with. */
	readonly inDatabase: boolean | Error;
}

/** A Kuma whose database refuses every beat of monitor 7. */
async function refusingKuma({ inKuma, inDatabase }: Situation) {
	const monitor: Bean = { id: 7 };
	const starts = new MonitorStarts(() => undefined);
	if (inKuma === 'retired') await starts.retire(monitor);
	const forgotten: number[] = [];
	const beans: Beans = {
		store: () => Promise.reject(REFUSED),
		find: async () => {
			if (inDatabase instanceof Error) throw inDatabase;
			return inDatabase ? [monitor] : [];
		},
	};
	const kuma = {
		beans,
		server: { monitorList: inKuma === 'gone' ? {} : { 7: monitor } },
		UptimeCalculator: { remove: (id: number) => forgotten.push(id) },
	} as unknown as Kuma;
	expect(dropLateBeats(() => kuma, starts)).toBe(true);
	return { store: (bean: Partial<Bean>) => beans.store?.(bean as Bean), forgotten };
}

test.each<Situation>([
	{ inKuma: 'gone', inDatabase: false },
	{ inKuma: 'retired', inDatabase: false },
])('a beat of what is gone ends well, and its statistics are forgotten: %o', async (situation) => {
	const { store, forgotten } = await refusingKuma(situation);

	await expect(store({ monitor_id: 7, beanMeta: { type: 'stat_minutely' } })).resolves.toBe(0);
	expect(forgotten).toEqual([]);
	await expect(store({ monitor_id: 7, beanMeta: { type: 'heartbeat' } })).resolves.toBe(0);
	expect(forgotten).toEqual([7]);
});

test.each<Situation>([
	{ inKuma: 'running', inDatabase: true },
	// Somebody has removed the row in passing: Kuma goes on to beat, and should say so.
	{ inKuma: 'running', inDatabase: false },
	{ inKuma: 'retired', inDatabase: true },
	{ inKuma: 'gone', inDatabase: true },
	{ inKuma: 'gone', inDatabase: new Error('locked') },
])('a beat of what is there fails as it does in Kuma: %o', async (situation) => {
	const { store, forgotten } = await refusingKuma(situation);

	await expect(store({ monitor_id: 7, beanMeta: { type: 'heartbeat' } })).rejects.toBe(REFUSED);

	expect(forgotten).toEqual([]);
});

test('what is no beat fails as it does in Kuma', async () => {
	const { store } = await refusingKuma({ inKuma: 'gone', inDatabase: false });

	await expect(store({ name: 'a tag' })).rejects.toBe(REFUSED);
});
