import { hostname as systemHostname } from 'node:os';
import { resolve } from 'node:path';

import type { Retention } from '../model/lineage.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { type ReplicatorMode, roleOf } from '../model/role.ts';
import { credentialsIn } from './mask-credentials.ts';
import { nearestName } from './nearest-name.ts';
import { readSecretFile } from './read-secret-file.ts';
import { checkRepository } from './repository-variables.ts';
import {
	type ConfigProblem,
	type Origin,
	type ResolvedEnvironment,
	resolveEnvironment,
} from './resolve-environment.ts';
import { isResticSecret, isResticVariable } from './restic-variables.ts';
import { type LogFormat, type LogLevel, VARIABLES, type Variable, variables } from './schema.ts';
import type { GuardThresholds } from './value-schemas.ts';

/** What the environment says, checked and complete. */
export interface Config {
	readonly mode: ReplicatorMode;
	/** Absolute. */
	readonly dataDirectory: string;
	/** `environment` is what restic gets on top of what every program needs (PATH, HOME). It holds secrets. */
	readonly repository: { readonly environment: Readonly<Record<string, string>> };
	/** `url` may hold a user name and a password; the whole of it is a secret. */
	readonly ntfy: { readonly url: string; readonly token?: string } | null;
	readonly intervalMs: number;
	readonly retention: Retention;
	readonly guard: GuardThresholds;
	readonly hostname: string;
	readonly pausesPushMonitors: boolean;
	/** How long a starting Kuma is held at most. */
	readonly startTimeoutMs: number;
	/** What stands in front of everything that this instance notifies; may be empty. */
	readonly notificationPrefix: string;
	readonly fleet: string;
	readonly log: { readonly level: LogLevel; readonly format: LogFormat };
	/** Every value that must never be shown; for whoever writes logs and messages. */
	readonly secrets: readonly string[];
	/** Where the value of each variable that is set comes from, by the variable's name. */
	readonly origins: ReadonlyMap<string, Origin>;
}

export interface LoadedConfig {
	/** Null if there is any problem. */
	readonly config: Config | null;
	readonly warnings: readonly ConfigProblem[];
	readonly problems: readonly ConfigProblem[];
}

export interface LoadOptions {
	/** Whether the command touches the repository. Where it does not, the repository's problems are warnings. */
	readonly needsRepository: boolean;
	/** Gives a file's text or throws. */
	readonly readFile?: (path: string) => string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const LEADER_INTERVAL_SECONDS = 300;
const REPLICA_INTERVAL_SECONDS = 360;

/** Reads every variable, and goes on after a problem, so that a person sees all of them at once. */
export function loadConfig(env: Environment, options: LoadOptions): LoadedConfig {
	const readFile = options.readFile ?? readSecretFile;
	const resolved = resolveEnvironment(env, readFile);
	const repository = checkRepository(resolved, { readFile, isNeeded: options.needsRepository });
	const problems: ConfigProblem[] = [];
	const warnings = unknownNames(env);
	for (const problem of [...resolved.problems, ...repository.problems]) {
		const isHarmless = isResticVariable(problem.variable) && !options.needsRepository;
		(isHarmless ? warnings : problems).push(problem);
	}

	const mode = read(VARIABLES.mode, resolved, problems);
	const dataDirectory = read(VARIABLES.dataDirectory, resolved, problems);
	const interval = read(VARIABLES.interval, resolved, problems);
	const retention = read(VARIABLES.retention, resolved, problems);
	const guard = read(VARIABLES.guard, resolved, problems);
	const hostname = read(VARIABLES.hostname, resolved, problems);
	const pushMonitors = read(VARIABLES.pushMonitors, resolved, problems);
	const startTimeout = read(VARIABLES.startTimeout, resolved, problems);
	const notificationPrefix = read(VARIABLES.notificationPrefix, resolved, problems);
	const fleet = read(VARIABLES.fleet, resolved, problems);
	const level = read(VARIABLES.logLevel, resolved, problems);
	const format = read(VARIABLES.logFormat, resolved, problems);
	const ntfy = readNtfy(resolved, { problems, warnings });
	const areRead = mode && dataDirectory && retention && guard && startTimeout && fleet && level && format;
	if (!areRead || problems.length > 0) return { config: null, warnings, problems };
	const name = hostname ?? systemHostname();
	const defaultInterval = roleOf(mode) === 'leader' ? LEADER_INTERVAL_SECONDS : REPLICA_INTERVAL_SECONDS;
	const config: Config = {
		mode,
		dataDirectory: resolve(dataDirectory),
		repository: { environment: resticEnvironment(resolved) },
		ntfy,
		intervalMs: (interval ?? defaultInterval) * 1000,
		retention,
		guard,
		hostname: name,
		pausesPushMonitors: pushMonitors !== 'run',
		startTimeoutMs: startTimeout * 1000,
		notificationPrefix: notificationPrefix ?? `[${name}]`,
		fleet,
		log: { level, format },
		secrets: [...new Set([...secretsIn(resolved), ...repository.secrets])],
		origins: new Map(Array.from(resolved.values, ([name, { origin }]) => [name, origin])),
	};
	return { config, warnings, problems };
}

/** @throws ReplicatorError `configuration-invalid` with all problems and warnings in its message, one a line. */
export function requireConfig(
	env: Environment,
	options: LoadOptions,
): { config: Config; warnings: readonly ConfigProblem[] } {
	const { config, warnings, problems } = loadConfig(env, options);
	if (config === null) {
		// A misspelt name is often why something seems not to be set.
		const lines = [...problems, ...warnings].map(({ variable, message }) => `  ${variable}: ${message}`);
		throw new ReplicatorError(['The configuration is not usable:', ...lines].join('\n'), {
			code: 'configuration-invalid',
			hint: 'Correct these environment variables and start again.',
		});
	}
	return { config, warnings };
}

/** @returns the value, the default's value, or undefined: after a problem, or when there is no default. */
function read<Value>(
	variable: Variable<Value>,
	{ values }: ResolvedEnvironment,
	problems: ConfigProblem[],
): Value | undefined {
	const text = values.get(variable.name)?.text ?? variable.default;
	if (text === null) {
		return undefined;
	}
	const parsed = variable.schema.safeParse(text);
	for (const issue of parsed.error?.issues ?? []) {
		problems.push({ variable: variable.name, message: issue.message });
	}
	return parsed.data;
}

function readNtfy(
	resolved: ResolvedEnvironment,
	found: { problems: ConfigProblem[]; warnings: ConfigProblem[] },
): Config['ntfy'] {
	const url = read(VARIABLES.ntfyUrl, resolved, found.problems);
	const token = read(VARIABLES.ntfyToken, resolved, found.problems);
	const variable = VARIABLES.ntfyToken.name;
	if (token !== undefined && !resolved.values.has(VARIABLES.ntfyUrl.name)) {
		found.warnings.push({ variable, message: 'It has no effect without NTFY_URL. Set NTFY_URL as well.' });
	}
	if (url === undefined) {
		return null;
	}
	const { username, password } = new URL(url);
	if (token !== undefined && (username || password)) {
		const message = 'NTFY_URL has a user name or password in it as well. Remove one of the two.';
		found.problems.push({ variable, message });
	}
	return token === undefined ? { url } : { url, token };
}

function resticEnvironment({ values }: ResolvedEnvironment): Record<string, string> {
	const entries = Array.from(values, ([name, { text }]) => [name, text] as const);
	return Object.fromEntries(entries.filter(([name]) => isResticVariable(name)));
}

function secretsIn({ values }: ResolvedEnvironment): string[] {
	return Array.from(values).flatMap(([name, { text }]) => {
		if (name === VARIABLES.ntfyUrl.name) {
			// A topic alone may be a common word; together with its server it is not.
			const withoutScheme = text.trim().replace(/^[a-z]+:\/\//i, '');
			return [...credentialsIn(`://${withoutScheme}`), withoutScheme.replace(/^.*@/, '')];
		}
		const credentials = credentialsIn(text);
		const isSecret = isResticSecret(name) || name === VARIABLES.ntfyToken.name;
		return isSecret ? [text, ...credentials] : credentials;
	});
}

function unknownNames(env: Environment): ConfigProblem[] {
	const known = variables.map((variable) => variable.name).filter((name) => name.startsWith('REPLICATOR_'));
	const [first, ...others] = known;
	if (first === undefined) {
		throw new Error('no variable of our own is declared');
	}
	return Object.keys(env)
		.filter((name) => name.startsWith('REPLICATOR_') && !known.includes(name))
		.sort()
		.map((name) => ({
			variable: name,
			message: `There is no such variable; did you mean ${nearestName(name, [first, ...others])}?`,
		}));
}
