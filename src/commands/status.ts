import type { Command } from 'commander';
import { describeGeneration } from '../daemon/describe-generation.ts';
import { controlClient } from '../http/control-client.ts';
import type { Position } from '../model/state.ts';
import type { LeaderConnection, ResticUse, Status } from '../model/status.ts';
import { EXIT_CODES } from './exit-code.ts';
import { openContext } from './open-context.ts';
import { colour, formatAge, formatTime, printHeldRows, printJson, printLine, printRemarks } from './print.ts';

export function addStatusCommand(program: Command): void {
	program
		.command('status')
		.description('show what the running replicator-kuma of this data directory does')
		.option('--json', 'print the status as JSON', false)
		.addHelpText(
			'after',
			`
Exit codes: 0 all is well, 1 the last cycle failed, 3 a person must decide, 4 replicator-kuma is not running here.

Examples:
  $ replicator-kuma status
  $ replicator-kuma status --json | jq .lagMs`,
		)
		.action(async ({ json }: { json: boolean }) => {
			const { paths, config } = openContext({ needsRepository: false });
			const status = await controlClient(paths.controlSocket).status();
			process.exitCode = exitCodeOfStatus(status);
			if (json) printJson(status);
			else if (status === null) {
				printLine(`replicator-kuma is not running on ${config.dataDirectory}.`);
				printLine(
					'Start it with "replicator-kuma run", or set DATA_DIR to the data directory that it runs on.',
				);
			} else printStatus(status);
		});
}

function exitCodeOfStatus(status: Status | null): number {
	if (status === null) return EXIT_CODES.notAvailable;
	if (status.lastError !== null) return EXIT_CODES.failed;
	return status.lastCycle?.needsDecision === true ? EXIT_CODES.needsDecision : EXIT_CODES.done;
}

function describeAgent({ isConnected, missing }: Status['kuma']['agent'], role: Status['role']): string {
	if (!isConnected)
		return role === 'leader'
			? 'not connected: edits are found by reading the database every few seconds'
			: 'not connected: Kuma is restarted for every change';
	const lacks = Object.entries(missing).map(([name, reason]) => `${name} (${reason})`);
	return lacks.length === 0 ? 'connected' : `connected; it lacks ${lacks.join(', ')}`;
}

function describePosition({ id, digest, generation }: Position): string {
	return id === null
		? `${digest.slice(0, 8)}, generation ${generation}, from the leader itself, ahead of the repository`
		: `${id.slice(0, 8)}, ${describeGeneration(generation)}`;
}

function describeLeader({ url, isConnected, reason }: LeaderConnection): string {
	if (isConnected) return `${url}, connected`;
	return `${url}, not connected${reason === null ? '' : ` (${reason})`}: snapshots come from the repository alone`;
}

function describeRestic({ calls, failedCalls, totalMs, last }: ResticUse): string {
	if (last === null) return 'not called yet';
	const mean = `${Math.round(totalMs / calls)} ms each on average`;
	const newest = `the last one, ${last.command}, ${last.outcome} after ${last.durationMs} ms`;
	return `${calls} calls, ${failedCalls} of them failed, ${mean}; ${newest}`;
}

function describeDuration({ durationMs, stages }: NonNullable<Status['lastCycle']>): string {
	const parts = Object.entries(stages).map(([stage, ms]) => `${stage} ${ms}`);
	return `${durationMs} ms${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}

function printStatus(status: Status): void {
	const { newest, applied, kuma, leader, restic, lastCycle, lastError, lagMs } = status;
	const rows: [string, string][] = [
		['Role', `${status.role} (${status.mode}), fleet ${status.fleet}, host ${status.hostname}`],
		['Repository', status.repository],
		[
			'Newest',
			newest === null
				? 'none seen yet'
				: `${newest.id.slice(0, 8)}, ${describeGeneration(newest.generation)}, ${formatTime(newest.time)}, from ${newest.hostname}`,
		],
		['Held here', applied === null ? 'none yet' : describePosition(applied)],
		['Lag', lagMs === null ? 'unknown' : lagMs === 0 ? 'none' : formatAge(lagMs)],
		[
			'Kuma',
			`${kuma.state}, version ${kuma.version ?? 'unknown'}, process ${kuma.pid ?? 'none'}, ${kuma.restarts} restarts`,
		],
		['Agent', describeAgent(kuma.agent, status.role)],
		...(leader === null ? [] : [['Leader', describeLeader(leader)] as [string, string]]),
		['restic', describeRestic(restic)],
		[
			'Last cycle',
			lastCycle === null ? 'none yet' : `${formatTime(lastCycle.finishedAt)}: ${lastCycle.summary}`,
		],
		...(lastCycle === null ? [] : [['It took', describeDuration(lastCycle)] satisfies [string, string]]),
	];
	for (const [name, text] of rows) printLine(`${colour('bold', name.padEnd(11))} ${text}`);
	if (lastError !== null) {
		printLine(`${colour('red', 'Last error'.padEnd(11))} ${formatTime(lastError.at)}: ${lastError.message}`);
		if (lastError.hint !== null) printLine(`${' '.repeat(12)}${lastError.hint}`);
	}
	printHeldRows(status.heldRows);
	printRemarks(status.remarks);
}
