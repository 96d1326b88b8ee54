import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		projects: [
			{ test: { name: 'unit', include: ['src/**/*.test.ts'], sequence: { groupOrder: 0 } } },
			{
				test: {
					name: 'contract',
					sequence: { groupOrder: 1 },
					include: ['test/{contract,faults}/**/*.test.ts'],
					testTimeout: 60_000,
					hookTimeout: 120_000,
					// They wait for restic more than they compute; by itself Vitest leaves one of two cores idle.
					maxWorkers: 2,
				},
			},
			{
				test: {
					name: 'real',
					sequence: { groupOrder: 2 },
					include: ['test/real/**/*.test.ts'],
					testTimeout: 240_000,
					hookTimeout: 300_000,
					// Every file starts real Uptime Kumas, which are heavy for a machine with two cores.
					maxWorkers: 1,
				},
			},
			{
				test: {
					name: 'image',
					sequence: { groupOrder: 3 },
					include: ['test/image/**/*.test.ts'],
					testTimeout: 15 * 60_000,
					// The stand-in for upstream's images is made once a week.
					hookTimeout: 15 * 60_000,
					maxWorkers: 1,
				},
			},
		],
	},
});
