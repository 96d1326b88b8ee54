import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LEFT_OUT_FILES } from './test/kit/database-kinds.ts';
import { memoryDirectory } from './test/kit/memory-directory.ts';
import { MixingSequencer } from './test/kit/mixing-sequencer.ts';

const BEATS = 'test/real/**/*-beats.test.ts';
const SIMULATED = 'test/quick/simulated-*.test.ts';

/** Projects are what their tests need: first what needs nothing, last what needs the machine for itself. */
export default defineConfig({
	test: {
		// Some test always waits for a deadline or for another process; by itself Vitest even leaves one core idle.
		maxWorkers: availableParallelism() + 1,
		exclude: [...LEFT_OUT_FILES],
		sequence: { sequencer: MixingSequencer },
		projects: [
			{
				// Nothing but Node. To load every module for every file takes as long as the tests themselves.
				extends: true,
				test: {
					name: 'quick',
					sequence: { groupOrder: 0 },
					include: ['src/**/*.test.ts', 'test/quick/**/*.test.ts'],
					exclude: [...LEFT_OUT_FILES, SIMULATED],
					isolate: false,
					testTimeout: 60_000,
					env: { TMPDIR: memoryDirectory() },
				},
			},
			{
				// The same, with a disk in memory in the place of every file.
				extends: true,
				test: {
					name: 'quick-simulated',
					sequence: { groupOrder: 0 },
					include: [SIMULATED],
				},
			},
			{
				// MariaDB, restic and whatever else Debian has. What a file changes, it puts back: modules are loaded once.
				extends: true,
				test: {
					name: 'contract',
					sequence: { groupOrder: 1 },
					isolate: false,
					include: ['test/{contract,faults}/**/*.test.ts'],
					testTimeout: 60_000,
					hookTimeout: 120_000,
				},
			},
			{
				// Uptime Kuma, of which each file has up to three.
				extends: true,
				test: {
					name: 'real',
					sequence: { groupOrder: 1 },
					isolate: false,
					include: ['test/real/**/*.test.ts'],
					exclude: [...LEFT_OUT_FILES, BEATS],
					testTimeout: 240_000,
					hookTimeout: 300_000,
				},
			},
			{
				// Images of Uptime Kuma, and what runs them.
				extends: true,
				test: {
					name: 'image',
					sequence: { groupOrder: 1 },
					include: ['test/image/**/*.test.ts'],
					testTimeout: 15 * 60_000,
					// The stand-in for upstream's images is made once a week.
					hookTimeout: 15 * 60_000,
				},
			},
			{
				// Uptime Kuma, on a machine that does nothing else: its beats are counted, which costs it little.
				extends: true,
				test: {
					name: 'real-beats',
					sequence: { groupOrder: 2 },
					include: [BEATS],
					testTimeout: 240_000,
					hookTimeout: 300_000,
					maxWorkers: 2,
				},
			},
		],
	},
});
