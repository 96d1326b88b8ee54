import type { Command } from 'commander';
import { describeGeneration } from '../lineage/describe-generation.ts';
import type { Position } from '../model/state.ts';
import type { KumaBeatsStatus, LeaderConnection, ResticUse, Status } from '../model/status.ts';
import { askStatus } from './opening/ask-running.ts';
import { openGround } from './opening/open-context.ts';
import {
	colour,
	formatAge,
	formatTime,
	printHeldRows,
	printJson,
	printLine,
	printRemarks,
} from './printing/print.ts';
import { exitCodeOfStatus, type ShownTrouble, troublesOf } from './printing/status-troubles.ts';

export function addStatusCommand(program: Command): void {
	program
		.command('status')
		.description('show what the running replicator-kuma of this data directory does')
		.option('--json', 'print the status as JSON', false)
		.addHelpText(
			'after',
			`
Exit codes: 0 all is well, 1 the last cycle failed, something is down, Kuma does not do what it should, or
replicator-kuma cannot be asked, 3 a person must decide, 4 replicator-kuma is not running here.

Examples:
  $ replicator-kuma status
  $ replicator-kuma status --json | jq .lagMs`,
		)
		.action(async ({ json }: { json: boolean }) => {
			const { loaded, log, paths } = openGround({ needsRepository: false });
			for (const { variable, message } of [...loaded.problems, ...loaded.warnings])
				log.warning(message, { variable });
			const { dataDirectory } = loaded.usable;
			const status = await askStatus({ dataDirectory, paths });
			process.exitCode = exitCodeOfStatus(status);
			if (json) printJson<Status | null>(status);
			else if (status === null) {
				printLine(`replicator-kuma is not running on ${dataDirectory}.`);
				printLine(
					'Start it with "replicator-kuma run", or set DATA_DIR to the data directory that it runs on.',
				);
			} else printStatus(status);
		});
}

function describeAgent({ isConnected, missing }: Status['kuma']['agent'], role: Status['role']): string {
	if (!isConnected)
		return role === 'leader'
			? 'not connected: edits are found by reading the database every few seconds'
			: 'not connected: Kuma is restarted for every change';
	const lacks = Object.entries(missing).map(([name, reason]) => `${name} (${reason})`);
	return lacks.length === 0 ? 'connected' : `connected; it lacks ${lacks.join(', ')}`;
}

function describeBeats(beats: KumaBeatsStatus): string {
	const { state, monitors, lastBeatAt } = beats;
	switch (state) {
		case 'unknown':
			return 'not looked at yet';
		case 'idle':
			return 'no active monitor beats by itself';
		case 'missing':
			return 'missing';
		case 'beating':
			return `${monitors} active monitors${lastBeatAt === null ? '' : `, the last beat ${formatTime(lastBeatAt)}`}`;
	}
}

function describePosition(position: Position): string {
	const { id, digest, generation } = position;
	if (id !== null) return `${id.slice(0, 8)}, ${describeGeneration(generation)}`;
	const since = position.since === null ? '' : ` since ${formatTime(position.since)}`;
	return `${digest.slice(0, 8)}, generation ${generation}, from the leader itself, ahead of the repository${since}`;
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
	const { newest, applied, kuma, leader, restic, lastCycle, lagMs } = status;
	const first: [string, string][] = [
		['Role', `${describeRole(status)}, fleet ${status.fleet}, host ${status.hostname}`],
		['Replication', describeReplication(status.replication)],
	];
	const rows: [string, string][] = [
		['Repository', status.repository ?? 'unknown'],
		[
			'Newest',
			newest === null
				? 'none seen yet'
				: `${newest.id.slice(0, 8)}, ${describeGeneration(newest.generation)}, ${formatTime(newest.time)}, from ${newest.hostname}`,
		],
		['Applied', applied === null ? 'none yet' : describePosition(applied)],
		['Lag', lagMs === null ? 'unknown' : lagMs === 0 ? 'none' : formatAge(lagMs)],
		[
			'Kuma',
			`${kuma.state}, version ${kuma.version ?? 'unknown'}, process ${kuma.pid ?? 'none'}, ${kuma.restarts} restarts`,
		],
		['Beats', describeBeats(kuma.beats)],
		['Agent', describeAgent(kuma.agent, status.role)],
		...(leader === null ? [] : [['Leader', describeLeader(leader)] as [string, string]]),
		['restic', describeRestic(restic)],
		[
			'Last cycle',
			lastCycle === null ? 'none yet' : `${formatTime(lastCycle.finishedAt)}: ${lastCycle.summary}`,
		],
		...(lastCycle === null ? [] : [['It took', describeDuration(lastCycle)] satisfies [string, string]]),
	];
	printRows(first);
	// A container engine keeps the first 500 characters of a health check: trouble must be among them.
	for (const trouble of troublesOf(status)) printTrouble(trouble);
	printRows(rows);
	printHeldRows(status.heldRows);
	printRemarks(status.remarks);
}

function printRows(rows: readonly (readonly [name: string, text: string])[]): void {
	for (const [name, text] of rows) printLine(`${colour('bold', name.padEnd(11))} ${text}`);
}

function printTrouble({ title, text, hint }: ShownTrouble): void {
	printLine(`${colour('red', title.padEnd(11))} ${text}`);
	if (hint !== null) printLine(`${' '.repeat(12)}${hint}`);
}

function describeRole({ role, mode }: Status): string {
	return role === null ? 'no role yet' : `${role} (${mode})`;
}

function describeReplication({ state, trouble }: Status['replication']): string {
	return trouble === null ? state : `${state} since ${formatTime(trouble.since)}; Kuma runs all the same`;
}
