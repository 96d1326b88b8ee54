import { access, constants, stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { CATALOG } from '../catalog/index.ts';
import { describeConfig } from '../config/describe-config.ts';
import { type LoadedConfig, loadConfig } from '../config/load-config.ts';
import type { ConfigProblem } from '../config/resolve-environment.ts';
import { openRepository } from '../daemon/open-repository.ts';
import { controlClient } from '../http/control-client.ts';
import type { Instance } from '../model/instance.ts';
import { DEFAULT_FLEET } from '../model/lineage.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { roleOf } from '../model/role.ts';
import type { Status } from '../model/status.ts';
import { findHead } from '../repository/find-head.ts';
import { RESTIC_VERSION_MIN, resticVersion } from '../repository/restic-version.ts';
import { takeTables } from '../snapshot/take.ts';
import { checkMigration } from './check-migration.ts';
import { EXIT_CODES } from './exit-code.ts';
import { type Finding, ok, type Verdict } from './finding.ts';
import { type Context, openContext } from './open-context.ts';
import { openReader } from './open-reader.ts';
import { colour, formatAge, printJson, printLine } from './print.ts';

type Check = (context: Context) => Promise<Finding[]>;

/** A snapshot from the future means that one of two clocks is wrong; less than this is the network's. */
const CLOCK_TOLERANCE_MS = 60_000;

const CHECKS: readonly (readonly [name: string, check: Check])[] = [
	['data directory', checkDataDirectory],
	['Kuma', checkKuma],
	['database', checkDatabase],
	['restic', checkRestic],
	['repository', checkRepository],
	['migrate', checkMigrate],
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
			const loaded = loadConfig(process.env, { needsRepository: true });
			const findings = checkConfiguration(loaded);
			if (loaded.config === null) {
				if (json) printJson({ configuration: null, findings });
				else print(findings, []);
				process.exitCode = EXIT_CODES.misused;
				return;
			}
			const context = openContext({ needsRepository: true });
			for (const [name, check] of CHECKS) findings.push(...(await examine(name, check, context)));
			const configuration = describeConfig(context.config);
			if (json) printJson({ configuration, findings });
			else print(findings, configuration);
			if (findings.some(({ verdict }) => verdict === 'problem')) process.exitCode = EXIT_CODES.failed;
		});
}

/** A check that fails is a finding itself. */
async function examine(name: string, check: Check, context: Context): Promise<Finding[]> {
	try {
		return await check(context);
	} catch (error) {
		if (!(error instanceof ReplicatorError)) throw error;
		return [{ check: name, verdict: 'problem', message: error.message, hint: error.hint ?? null }];
	}
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

async function checkDataDirectory({ config, paths }: Context): Promise<Finding[]> {
	const check = 'data directory';
	try {
		await access(config.dataDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
	} catch {
		const message = `${config.dataDirectory} does not exist, or this user may not write to it.`;
		return [
			{
				check,
				verdict: 'problem',
				message,
				hint: 'Set DATA_DIR to the data directory of Kuma, and run as the user that runs Kuma.',
			},
		];
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
	return [ok(check, config.dataDirectory)];
}

async function checkKuma(context: Context): Promise<Finding[]> {
	const { kuma } = await openReader(context);
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
	const instance = await openReader(context);
	const opened = await instance.openDatabase();
	if (opened.outcome === 'not-set-up') {
		return [
			{
				check: 'database',
				verdict: 'warning',
				message: `Not set up yet: ${opened.reason}.`,
				hint: "Choose a database in Kuma's wizard.",
			},
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
				message: `This Kuma has no ${plural}; those of the leader are held back here.`,
				hint: 'Upgrade Uptime Kuma on this instance.',
			}),
		),
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
			hint: `Set the clock of this machine or of ${head?.hostname} right (use NTP).`,
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

async function checkState(context: Context): Promise<Finding[]> {
	const instance: Instance = await openReader(context);
	const { heldRows, position } = instance.state.read();
	if (heldRows.length > 0) {
		const names = heldRows.slice(0, 5).map(({ table, title, reason }) => `${table} "${title}": ${reason}`);
		return [
			{
				check: 'state',
				verdict: 'warning',
				message: `${heldRows.length} rows are not as on the leader (${names.join('; ')}).`,
				hint: 'Upgrade Kuma here, or change the rows on the leader.',
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

async function checkRunning({ paths }: Context): Promise<Finding[]> {
	const status = await controlClient(paths.controlSocket).status();
	if (status === null)
		return [
			{
				check: 'running',
				verdict: 'warning',
				message: 'replicator-kuma is not running here.',
				hint: 'Start it with "replicator-kuma run".',
			},
		];
	if (status.lastError !== null)
		return [
			{
				check: 'running',
				verdict: 'problem',
				message: `The last cycle failed: ${status.lastError.message}`,
				hint: status.lastError.hint,
			},
		];
	return [
		ok('running', `Kuma is ${status.kuma.state}; the last cycle: ${status.lastCycle?.summary ?? 'none yet'}`),
		describeAgent(status.kuma.agent),
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
