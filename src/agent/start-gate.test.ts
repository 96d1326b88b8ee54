import { expect, test } from 'vitest';
import type { AgentPhase } from '../model/agent-protocol.ts';
import { StartGate } from './start-gate.ts';

const LONG_MS = 60_000;

function makeGate() {
	const phases: AgentPhase[] = [];
	const database = { patch: async () => 'patched' };
	const gate = new StartGate({ holdMs: LONG_MS, onPhase: (phase) => phases.push(phase) });
	gate.install(database, () => undefined);
	return { gate, phases, start: () => database.patch() };
}

test('Kuma is held until it is released', async () => {
	const { gate, phases, start } = makeGate();

	const started = start();
	while (gate.phase !== 'held') await new Promise((resolve) => setImmediate(resolve));
	gate.release();

	expect(await started).toBe('patched');
	expect(phases).toEqual(['held', 'running']);
});

test('nobody holds a Kuma that nobody can come to release, whether it waits already or not', async () => {
	const early = makeGate();
	const late = makeGate();

	early.gate.giveUp();
	await early.start();
	const started = late.start();
	while (late.gate.phase !== 'held') await new Promise((resolve) => setImmediate(resolve));
	late.gate.giveUp();
	await started;

	expect(early.phases).toEqual(['running']);
	expect(late.phases).toEqual(['held', 'running']);
});
