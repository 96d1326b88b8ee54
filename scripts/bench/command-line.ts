import { parseArgs } from 'node:util';

export const SECTIONS = ['lag', 'sizes', 'idle', 'heartbeats', 'fleet'] as const;
export type Section = (typeof SECTIONS)[number];

export const HELP = `Measures Replicator Kuma beside a strategy "restart" (poll, truncate, insert row by row, restart Kuma) in the same run.

Usage: npm run bench -- [options]

  --quick          a few edits, up to 1,000 monitors: some minutes instead of half an hour
  --only LIST      some of the sections, separated by commas: ${SECTIONS.join(', ')}
  --json FILE      where to write every figure (default: bench.json)
  --help           this text

Sections:
  lag         from an edit in the leader's Kuma to the row and the running monitor of a replica, by stage
  sizes       export, import, plan and apply with 100, 1,000 and 10,000 monitors, on SQLite and MariaDB; memory
  idle        CPU, memory and requests to the repository while nothing happens
  heartbeats  beats that monitors of a replica miss because of a change
  fleet       20 replicas that follow one leader

Needs restic, rclone, mariadbd, a build (npm run build) and Uptime Kuma (node scripts/prepare.mjs).

Examples:
  npm run bench -- --quick
  npm run bench -- --only lag,idle --json lag.json
  KUMA_DIR=/opt/uptime-kuma npm run bench -- --only heartbeats
`;

export interface BenchOptions {
	readonly isQuick: boolean;
	readonly sections: readonly Section[];
	readonly jsonPath: string;
	readonly isHelp: boolean;
}

/** @throws Error with what is wrong, for a person. */
export function readCommandLine(words: readonly string[]): BenchOptions {
	const { values } = parseArgs({
		args: [...words],
		options: {
			quick: { type: 'boolean', default: false },
			only: { type: 'string', default: SECTIONS.join(',') },
			json: { type: 'string', default: 'bench.json' },
			help: { type: 'boolean', default: false },
		},
	});
	return {
		isQuick: values.quick,
		sections: values.only.split(',').map(toSection),
		jsonPath: values.json,
		isHelp: values.help,
	};
}

function toSection(word: string): Section {
	const section = SECTIONS.find((name) => name === word);
	if (section === undefined)
		throw new Error(`There is no section ${JSON.stringify(word)}; there are ${SECTIONS.join(', ')}.`);
	return section;
}
