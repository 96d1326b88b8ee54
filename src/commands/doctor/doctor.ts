import { access, constants, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { CATALOG } from '../../catalog/index.ts';
import { describeConfig } from '../../config/describe-config.ts';
import type { LoadedConfig } from '../../config/load-config.ts';
import type { ConfigProblem } from '../../config/resolve-environment.ts';
import { openRepository } from '../../daemon/open-repository.ts';
import { examineStateDirectory } from '../../instance/state-folder/state-directory-check.ts';
import { freshState, readState } from '../../instance/state-folder/state-file.ts';
import { findHead } from '../../lineage/find-head.ts';
import { asFailure } from '../../log/as-failure.ts';
import { DEFAULT_FLEET } from '../../model/lineage.ts';
import { describeMissingBeats, MISSING_BEATS_HINT } from '../../model/missing-beats.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import { roleOf } from '../../model/role.ts';
import type { Status } from '../../model/status.ts';
import { RESTIC_VERSION_MIN, resticVersion } from '../../repository/restic/restic-version.ts';
import { takeTables } from '../../snapshot/take.ts';
import { EXIT_CODES } from '../exit-code.ts';
import { askStatus } from '../opening/ask-running.ts';
import { type Context, type Ground, openGround } from '../opening/open-context.ts';
import { openGuest } from '../opening/open-reader.ts';
import type { Diagnosis } from '../printing/answers.ts';
import { colour, formatAge, printJson, printLine } from '../printing/print.ts';
import { describeKumaDown } from '../printing/status-troubles.ts';
import { checkMigration } from './check-migration.ts';
import { checkTimezone } from './check-timezone.ts';
import { type Finding, ok, type Verdict } from './finding.ts';

type Check<Needed> = (context: Needed) => Promise<Finding[]>;

/** A snapshot from the future means that one of two clocks is wrong; less than this is the network's. */
const CLOCK_TOLERANCE_MS = 60_000;

/** What can be checked whatever the configuration of replication is like. */
const GROUND_CHECKS: readonly (readonly [name: string, check: Check<Ground>])[] = [
	['data directory', checkDataDirectory],
	['files', checkFiles],
];
const CHECKS: readonly (readonly [name: string, check: Check<Context>])[] = [
	['Kuma', checkKuma],
	['database', checkDatabase],
	['restic', checkRestic],
	['repository', checkRepository],
	['migrate', checkMigrate],
];
const LAST_CHECKS: readonly (readonly [name: string, check: Check<Ground>])[] = [
	['state', checkState],
	['running', checkRunning],
];

export function addDoctorCommand(program: Command): void {
	program
		.command('doctor')
		.description(
			'check configuration, database, repository, restic, clock and permissions, and say how to fix what is wrong',
		)
		.option('--json', 'print the findings as JSON', false)
		.addHelpText(
			'after',
			`
Changes nothing. Exit codes: 0 nothing is wrong, 1 there is a problem, 2 the configuration is not usable.

Examples:
  $ replicator-kuma doctor
  $ replicator-kuma doctor --json | jq '.findings[] | select(.verdict == "problem")'`,
		)
		.action(async ({ json }: { json: boolean }) => {
			const ground = openGround({ needsRepository: true });
			const { config } = ground.loaded;
			const findings = checkConfiguration(ground.loaded);
			const run = async <Needed>(checks: readonly (readonly [string, Check<Needed>])[], needed: Needed) => {
				for (const [name, check] of checks) findings.push(...(await examine(name, check, needed)));
			};
			await run(GROUND_CHECKS, ground);
			if (config !== null) await run(CHECKS, { ...ground, config });
			await run(LAST_CHECKS, ground);
			const configuration = config === null ? null : describeConfig(config);
			if (json) printJson<Diagnosis>({ configuration, findings });
			else print(findings, configuration ?? []);
			if (findings.some(({ verdict }) => verdict === 'problem')) process.exitCode = EXIT_CODES.failed;
			if (config === null) process.exitCode = EXIT_CODES.misused;
		});
}

/** A check that fails is a finding itself. */
async function examine<Needed>(name: string, check: Check<Needed>, needed: Needed): Promise<Finding[]> {
	try {
		return await check(needed);
	} catch (thrown) {
		const error = asFailure(thrown);
		// A bug is told as one, with its stack.
		if (error.code === 'bug') throw thrown;
		return [problem(name, error)];
	}
}

function problem(check: string, { message, hint }: ReplicatorError): Finding {
	return { check, verdict: 'problem', message, hint: hint ?? null };
}

function checkConfiguration({ config, problems, warnings }: LoadedConfig): Finding[] {
	const check = 'configuration';
	const told = (verdict: Verdict) => {
		return ({ variable, message }: ConfigProblem): Finding => ({
			check,
			verdict,
			message: `${variable}: ${message}`,
			hint: null,
		});
	};
	return [
		...problems.map(told('problem')),
		...warnings.map(told('warning')),
		...(config === null ? [] : [ok(check, 'Every variable can be used.')]),
	];
}

async function checkDataDirectory({ loaded, paths }: Ground): Promise<Finding[]> {
	const check = 'data directory';
	const { dataDirectory } = loaded.usable;
	try {
		await access(dataDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		const message = `${dataDirectory} does not exist, or this user may not write to it (${code}).`;
		const hint =
			code === 'EROFS'
				? 'It is mounted read-only. Mount it for writing.'
				: 'Set DATA_DIR to the data directory of Kuma, and run as the user that runs Kuma.';
		return [{ check, verdict: 'problem', message, hint }];
	}
	const own = await stat(paths.root).catch(() => null);
	if (own !== null && (own.mode & 0o077) !== 0) {
		return [
			{
				check,
				verdict: 'problem',
				message: `Others can read ${paths.root}, which holds secrets.`,
				hint: `chmod 700 ${paths.root}`,
			},
		];
	}
	return [ok(check, dataDirectory)];
}

async function checkFiles({ paths }: Ground): Promise<Finding[]> {
	const troubles = await examineStateDirectory(paths);
	if (troubles.length === 0) return [ok('files', `What is in ${paths.root} can be used.`)];
	return troubles.map(({ error }) => problem('files', error));
}

async function checkKuma(context: Context): Promise<Finding[]> {
	const { kuma } = await openGuest(context);
	if (kuma.version !== null)
		return [ok('Kuma', `Uptime Kuma ${kuma.version} is installed in ${process.cwd()}.`)];
	return [
		{
			check: 'Kuma',
			verdict: 'warning',
			message: `There is no Uptime Kuma in ${process.cwd()}, so its version is unknown here.`,
			hint: 'Run this command in the folder that Kuma is installed in.',
		},
	];
}

async function checkDatabase(context: Context): Promise<Finding[]> {
	const instance = await openGuest(context);
	const opened = await instance.openDatabase();
	if (opened.outcome === 'not-set-up') {
		return [
			{
				check: 'database',
				verdict: 'warning',
				message: `Not set up yet: ${opened.reason}.`,
				hint: "Choose a database in Kuma's wizard.",
			},
			...checkTimezone(null),
		];
	}
	const taken = await opened.database.read((reader) => takeTables(reader, CATALOG));
	const countOf = (name: string) => taken.tables.find((table) => table.name === name)?.rows.length ?? 0;
	const missing = CATALOG.filter(({ name }) => !taken.tables.some((table) => table.name === name));
	return [
		ok(
			'database',
			`${opened.database.kind}, ${opened.database.location}: ${countOf('monitor')} monitors, ${countOf('user')} users.`,
		),
		...missing.map(
			({ plural }): Finding => ({
				check: 'database',
				verdict: 'warning',
				message: `This Kuma has no ${plural}; those of the leader are set aside here.`,
				hint: 'Upgrade Uptime Kuma on this instance.',
			}),
		),
		...checkTimezone(taken.settings.get('serverTimezone')),
	];
}

async function checkRestic({ config }: Context): Promise<Finding[]> {
	const version = await resticVersion(config.repository.environment);
	return [ok('restic', `restic ${version} (at least ${RESTIC_VERSION_MIN} is needed).`)];
}

async function checkRepository(context: Context): Promise<Finding[]> {
	const check = 'repository';
	const repository = openRepository(context);
	const startedAt = performance.now();
	let published: Awaited<ReturnType<typeof repository.list>>;
	try {
		published = await repository.list();
	} catch (error) {
		if (!(error instanceof ReplicatorError) || error.code !== 'repository-missing') throw error;
		return [
			{
				check,
				verdict: 'warning',
				message: error.message,
				hint: 'A leader creates it with its first backup.',
			},
		];
	}
	const tookMs = Math.round(performance.now() - startedAt);
	const { head, forks } = findHead(published);
	const findings = [
		ok(
			check,
			`${repository.location}: ${published.length} snapshots of fleet ${context.config.fleet}, listed in ${tookMs} ms.`,
		),
	];
	if (forks.length > 0) {
		findings.push({
			check,
			verdict: 'warning',
			message: `${forks.length} other leaders published generation ${head?.generation}.`,
			hint: 'Let only one instance have REPLICATOR_MODE=BACKUP.',
		});
	}
	const aheadMs = head === null ? 0 : Date.parse(head.time) - Date.now();
	if (aheadMs > CLOCK_TOLERANCE_MS) {
		findings.push({
			check: 'clock',
			verdict: 'problem',
			message: `The newest snapshot is from ${formatAge(aheadMs)} in the future.`,
			hint: `Correct the clock of this machine or of ${head?.hostname} (use NTP).`,
		});
	} else {
		findings.push(ok('clock', 'No snapshot is from the future.'));
	}
	return findings;
}

/** A repository that is missing, or cannot be read, is told by its own check. */
async function checkMigrate(context: Context): Promise<Finding[]> {
	const { config } = context;
	const heir = openRepository({ ...context, config: { ...config, fleet: DEFAULT_FLEET } });
	try {
		const listing = await heir.listWithLegacy();
		return checkMigration({
			listing,
			role: roleOf(config.mode),
			isHeir: config.fleet === DEFAULT_FLEET,
		});
	} catch (error) {
		if (!(error instanceof ReplicatorError)) throw error;
		return [];
	}
}

async function checkState({ paths }: Ground): Promise<Finding[]> {
	const { heldRows, position } = (await readState(paths.stateFile)) ?? freshState('');
	if (heldRows.length > 0) {
		const names = heldRows.slice(0, 5).map(({ table, title, reason }) => `${table} "${title}": ${reason}`);
		return [
			{
				check: 'state',
				verdict: 'warning',
				message: `${heldRows.length} rows are not as on the leader (${names.join('; ')}).`,
				hint: 'Upgrade Kuma here, change the rows on the leader, or remove what this database refuses them for; "replicator-kuma restore" then tries again.',
			},
		];
	}
	return [
		ok(
			'state',
			position === null
				? 'Nothing was published or applied here yet.'
				: `This instance holds snapshot ${(position.id ?? position.digest).slice(0, 8)}.`,
		),
	];
}

async function checkRunning({ loaded, paths }: Ground): Promise<Finding[]> {
	const check = 'running';
	const status = await askStatus({ dataDirectory: loaded.usable.dataDirectory, paths });
	if (status === null)
		return [
			{
				check,
				verdict: 'warning',
				message: 'replicator-kuma is not running here.',
				hint: 'Start it with "replicator-kuma run".',
			},
		];
	const { replication, troubles, lastError, kuma, lastCycle } = status;
	const down = [...(replication.trouble === null ? [] : [replication.trouble]), ...troubles];
	const notRunning = describeKumaDown(kuma);
	const problems = [
		...(notRunning === null
			? []
			: [
					{
						check: 'kuma process',
						verdict: 'problem',
						message: notRunning.text,
						hint: notRunning.hint,
					} satisfies Finding,
				]),
		...(kuma.beats.state === 'missing'
			? [
					{
						check: 'beats',
						verdict: 'problem',
						message: describeMissingBeats(kuma.beats),
						hint: MISSING_BEATS_HINT,
					} satisfies Finding,
				]
			: []),
		...kuma.agent.problems.map(
			(problem): Finding => ({
				check: 'agent',
				verdict: 'problem',
				message: `Kuma has not taken everything up: ${problem}.`,
				hint: "It is tried again. If it stays, restart Kuma, and see Kuma's log.",
			}),
		),
	];
	if (lastError === null && down.length === 0)
		return [
			ok(check, `Kuma is ${kuma.state}; the last cycle: ${lastCycle?.summary ?? 'none yet'}`),
			describeAgent(kuma.agent),
			...problems,
		];
	return [
		...down.map(
			({ part, message, hint }): Finding => ({
				check,
				verdict: 'problem',
				message: `Kuma is ${kuma.state}, but this is down: ${part}. ${message}`,
				hint,
			}),
		),
		...(lastError === null
			? []
			: [
					{
						check,
						verdict: 'problem',
						message: `The last cycle failed: ${lastError.message}`,
						hint: lastError.hint,
					} satisfies Finding,
				]),
		...problems,
	];
}

function describeAgent({ isConnected, missing }: Status['kuma']['agent']): Finding {
	const lacks = Object.entries(missing).map(([name, reason]) => `${name}: ${reason}`);
	if (isConnected && lacks.length === 0) return ok('agent', 'Kuma takes changes up without a restart.');
	return {
		check: 'agent',
		verdict: 'warning',
		message: isConnected
			? `On this Kuma some changes need a restart, or do less (${lacks.join('; ')}).`
			: 'There is no agent in Kuma: it is restarted for every change.',
		hint: isConnected
			? 'Upgrade Uptime Kuma, or replicator-kuma if Kuma is newer.'
			: 'Let "replicator-kuma run" start Kuma with Node, and see the log for lines of the agent.',
	};
}

const SIGNS = { ok: ['green', 'ok'], warning: ['yellow', 'warning'], problem: ['red', 'PROBLEM'] } as const;

function print(findings: readonly Finding[], configuration: ReturnType<typeof describeConfig>): void {
	if (configuration.length > 0) {
		printLine(colour('bold', 'Configuration'));
		for (const { name, value, origin } of configuration) {
			if (value !== null) printLine(`  ${name}=${value} ${colour('dim', `(${origin})`)}`);
		}
		printLine();
	}
	printLine(colour('bold', 'Checks'));
	for (const { check, verdict, message, hint } of findings) {
		const [style, word] = SIGNS[verdict];
		printLine(`  ${colour(style, word.padEnd(8))} ${check}: ${message}`);
		if (hint !== null && verdict !== 'ok') printLine(`           → ${hint}`);
	}
}
