import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { kumaInstallation } from '../../test/kit/kuma-installation.ts';
import { BenchRun } from './bench-run.ts';
import { checkRequirements } from './check-requirements.ts';
import { type BenchOptions, HELP, readCommandLine, type Section } from './command-line.ts';
import type { Figure } from './figure.ts';
import { measureFleet } from './measure-fleet.ts';
import { measureHeartbeats } from './measure-heartbeats.ts';
import { measureIdle } from './measure-idle.ts';
import { measureLag } from './measure-lag.ts';
import { measureSizes } from './measure-sizes.ts';
import { printFigures } from './print-figures.ts';

/** The bench: whatever happens, nothing that it has started is left when it ends. */

const MEASURES: Readonly<Record<Section, (run: BenchRun) => Promise<Figure[]>>> = {
	lag: measureLag,
	sizes: measureSizes,
	idle: measureIdle,
	heartbeats: measureHeartbeats,
	fleet: measureFleet,
};

const stop = Promise.withResolvers<never>();
stop.promise.catch(() => undefined);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
	process.on(signal, () => stop.reject(new Error(`The bench was stopped by ${signal}.`)));

try {
	const options = readCommandLine(process.argv.slice(2));
	if (options.isHelp) process.stdout.write(HELP);
	else await bench(options);
} catch (error) {
	process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
	process.exitCode = 1;
}
// What was stopped may still wait for an answer.
process.exit();

async function bench({ isQuick, sections, jsonPath }: BenchOptions): Promise<void> {
	await checkRequirements(sections);
	const startedAt = new Date().toISOString();
	const figures: Figure[] = [];
	for (const section of sections) {
		const run = new BenchRun({ isQuick });
		run.say(`Measuring ${section} …`);
		try {
			figures.push(...(await Promise.race([MEASURES[section](run), stop.promise])));
		} finally {
			for (const failure of await run.end()) run.say(`Something could not be ended: ${String(failure)}`);
		}
		// Each section is worth something, even if a later one fails.
		await writeFile(
			jsonPath,
			`${JSON.stringify(await toReport({ startedAt, isQuick, figures }), null, '\t')}\n`,
		);
	}
	printFigures(figures);
	console.log(`Every figure is in ${jsonPath}.`);
}

async function toReport(parts: {
	readonly startedAt: string;
	readonly isQuick: boolean;
	readonly figures: readonly Figure[];
}) {
	const { version } = await kumaInstallation();
	return {
		...parts,
		machine: {
			cpus: cpus().length,
			model: cpus()[0]?.model ?? 'unknown',
			memoryMegabytes: Math.round(totalmem() / 1024 / 1024),
			loadAverage: loadavg(),
			node: process.version,
			uptimeKuma: version,
		},
	};
}
