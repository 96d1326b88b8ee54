import { hostname as systemHostname } from 'node:os';
import { resolve } from 'node:path';

import type { Retention } from '../model/lineage.ts';
import type { LogFormat, LogLevel } from '../model/log.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { type ReplicatorMode, roleOf } from '../model/role.ts';
import { credentialsIn } from './mask-credentials.ts';
import { nearestName } from './nearest-name.ts';
import { readSecretFile } from './read-secret-file.ts';
import { checkRepository } from './repository-variables.ts';
import {
	type ConfigProblem,
	isFromFile,
	type Origin,
	type ResolvedEnvironment,
	resolveEnvironment,
} from './resolve-environment.ts';
import { isResticSecret, isResticVariable } from './restic-variables.ts';
import { VARIABLES, type Variable, variables } from './schema.ts';
import { type GuardThresholds, isLoopback, type Listening } from './value-schemas.ts';

/** An ntfy topic. `url` may hold a user name and a password, and then there is no token. */
interface Topic {
	readonly url: string;
	readonly token?: string;
}

/** What the environment says, checked and complete. */
export interface Config {
	readonly mode: ReplicatorMode;
	/** Absolute. */
	readonly dataDirectory: string;
	/** `environment` is what restic gets on top of what every program needs (PATH, HOME). It holds secrets. */
	readonly repository: { readonly environment: Readonly<Record<string, string>> };
	/** `url` may hold a user name and a password; the whole of it is a secret. */
	readonly ntfy: Topic | null;
	/** What a leader tells replicas through ntfy. */
	readonly nudge: {
		readonly isOn: boolean;
		/** Null when nudges are off, and when there is no topic. */
		readonly topic: Topic | null;
		/** Whether it is another topic than the one that notices go to. */
		readonly isSeparate: boolean;
	};
	/** Called after each cycle, or null. It may hold a user name and a password; the whole of it is a secret. */
	readonly heartbeatUrl: string | null;
	/** Where this instance answers over HTTP; null when it does not. */
	readonly listen: Listening | null;
	/** What others must know to ask over HTTP, and what is sent along to the leader. Never null beyond loopback. */
	readonly token: string | null;
	/** Where a replica finds its leader, without a slash at the end. */
	readonly leaderUrl: string | null;
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

/**
 * What can be used of the environment, whatever is wrong with the rest of it: what cannot be used counts as not set.
 * Enough to start Kuma, to log, to notify people and to answer over HTTP; never to replicate.
 */
export type UsableConfig = Omit<Config, 'mode'> & { readonly mode: ReplicatorMode | null };

export interface LoadedConfig {
	/** Null if there is any problem. */
	readonly config: Config | null;
	readonly usable: UsableConfig;
	readonly warnings: readonly ConfigProblem[];
	readonly problems: readonly ConfigProblem[];
}

export interface LoadOptions {
	/** Whether the command touches the repository. Where it does not, the repository's problems are warnings. */
	readonly needsRepository: boolean;
	/** Gives a file's text or throws. */
	readonly readFile?: (path: string) => string;
}

const OUR_TOKENS: readonly string[] = [VARIABLES.ntfyToken.name, VARIABLES.token.name];

type Environment = Readonly<Record<string, string | undefined>>;

const LEADER_INTERVAL_SECONDS = 300;
const REPLICA_INTERVAL_SECONDS = 360;

/** Variables whose value is an address that nobody must see beyond its server. */
const SECRET_ADDRESSES: readonly string[] = [
	VARIABLES.ntfyUrl.name,
	VARIABLES.nudgeUrl.name,
	VARIABLES.heartbeatUrl.name,
];
/** What a part of a path looks like that nobody could guess: a push key of Kuma has 10 characters or 32. */
const KEY = /^(?=.*[\dA-Z])[\w-]{10,}$/;

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

	const mode = read(VARIABLES.mode, resolved, problems) ?? null;
	const dataDirectory = readOrDefault(VARIABLES.dataDirectory, resolved, problems);
	const interval = read(VARIABLES.interval, resolved, problems);
	const retention = readOrDefault(VARIABLES.retention, resolved, problems);
	const guard = readOrDefault(VARIABLES.guard, resolved, problems);
	const hostname = read(VARIABLES.hostname, resolved, problems);
	const pushMonitors = readOrDefault(VARIABLES.pushMonitors, resolved, problems);
	const startTimeout = readOrDefault(VARIABLES.startTimeout, resolved, problems);
	const notificationPrefix = read(VARIABLES.notificationPrefix, resolved, problems);
	const fleet = readOrDefault(VARIABLES.fleet, resolved, problems);
	const level = readOrDefault(VARIABLES.logLevel, resolved, problems);
	const format = readOrDefault(VARIABLES.logFormat, resolved, problems);
	const topics = readTopics(resolved, { problems, warnings });
	const heartbeatUrl = read(VARIABLES.heartbeatUrl, resolved, problems);
	const http = readHttp(resolved, problems);
	const name = hostname ?? systemHostname();
	const isLeader = mode !== null && roleOf(mode) === 'leader';
	const defaultInterval = isLeader ? LEADER_INTERVAL_SECONDS : REPLICA_INTERVAL_SECONDS;
	const usable: UsableConfig = {
		mode,
		dataDirectory: resolve(dataDirectory),
		repository: { environment: resticEnvironment(resolved) },
		...topics,
		heartbeatUrl: heartbeatUrl ?? null,
		...http,
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
	const config = mode === null || problems.length > 0 ? null : { ...usable, mode };
	return { config, usable, warnings, problems };
}

/** @throws ReplicatorError `configuration-invalid` with all problems and warnings in its message, one a line. */
export function requireConfig(
	env: Environment,
	options: LoadOptions,
): { config: Config; warnings: readonly ConfigProblem[] } {
	const loaded = loadConfig(env, options);
	if (loaded.config === null) throw configurationError(loaded);
	return { config: loaded.config, warnings: loaded.warnings };
}

/**
 * @returns what is wrong with the environment, as an error with all problems and warnings in its message, one a line.
 * It is retryable when nothing but files is wrong, or what they hold, for that may be corrected without a restart.
 */
export function configurationError({
	problems,
	warnings,
}: Pick<LoadedConfig, 'problems' | 'warnings'>): ReplicatorError {
	// A misspelt name is often why something seems not to be set.
	const lines = [...problems, ...warnings].map(({ variable, message }) => `  ${variable}: ${message}`);
	const isOfFiles = problems.every(({ isOfFile }) => isOfFile === true);
	return new ReplicatorError(['The configuration is not usable:', ...lines].join('\n'), {
		code: 'configuration-invalid',
		hint: isOfFiles
			? 'Correct these files and make them readable for the user that runs replicator-kuma, or correct the variables that name them and start again.'
			: 'Correct these environment variables and start again.',
		isRetryable: isOfFiles,
	});
}

/** @returns the value, the default's value, or undefined: after a problem, or when there is no default. */
function read<Value>(
	variable: Variable<Value>,
	resolved: ResolvedEnvironment,
	problems: ConfigProblem[],
): Value | undefined {
	const { name } = variable;
	const text = resolved.values.get(name)?.text ?? variable.default;
	if (text === null) {
		return undefined;
	}
	const parsed = variable.schema.safeParse(text);
	for (const { message } of parsed.error?.issues ?? []) {
		problems.push(
			isFromFile(resolved, name)
				? { variable: `${name}_FILE`, message, isOfFile: true }
				: { variable: name, message },
		);
	}
	return parsed.data;
}

/** The same where there is a default, which applies after a problem, too. */
function readOrDefault<Value>(
	variable: Variable<Value> & { readonly default: string },
	resolved: ResolvedEnvironment,
	problems: ConfigProblem[],
): Value {
	return read(variable, resolved, problems) ?? variable.schema.parse(variable.default);
}

function readTopics(
	resolved: ResolvedEnvironment,
	found: { problems: ConfigProblem[]; warnings: ConfigProblem[] },
): Pick<Config, 'ntfy' | 'nudge'> {
	const noticesUrl = read(VARIABLES.ntfyUrl, resolved, found.problems);
	const nudgeUrl = read(VARIABLES.nudgeUrl, resolved, found.problems);
	const token = read(VARIABLES.ntfyToken, resolved, found.problems);
	const isOn = read(VARIABLES.nudge, resolved, found.problems) !== 'off';
	const areNamed = [VARIABLES.ntfyUrl, VARIABLES.nudgeUrl].some(({ name }) => resolved.values.has(name));
	if (token !== undefined && !areNamed) {
		const message = 'It has no effect without NTFY_URL. Set NTFY_URL as well.';
		found.warnings.push({ variable: VARIABLES.ntfyToken.name, message });
	}
	if (nudgeUrl !== undefined && !isOn) {
		const message = 'It has no effect with REPLICATOR_NUDGE=off. Remove one of the two.';
		found.warnings.push({ variable: VARIABLES.nudgeUrl.name, message });
	}
	if (token !== undefined && noticesUrl !== undefined && hasCredentials(noticesUrl)) {
		const message = 'NTFY_URL has a user name or password in it as well. Remove one of the two.';
		const isOfFile = [VARIABLES.ntfyUrl, VARIABLES.ntfyToken].some(({ name }) => isFromFile(resolved, name));
		found.problems.push({
			variable: VARIABLES.ntfyToken.name,
			message,
			...(isOfFile ? { isOfFile } : {}),
		});
	}
	const ntfy = noticesUrl === undefined ? null : withToken(noticesUrl, token);
	const separate =
		nudgeUrl === undefined || nudgeUrl === noticesUrl ? null : nudgeTopic(nudgeUrl, { noticesUrl, token });
	const topic = isOn ? (separate ?? ntfy) : null;
	return { ntfy, nudge: { isOn, topic, isSeparate: topic !== null && separate !== null } };
}

/** The token is for the server that it was set for, and no other may see it. */
function nudgeTopic(
	url: string,
	notices: { readonly noticesUrl: string | undefined; readonly token: string | undefined },
): Topic {
	const { noticesUrl, token } = notices;
	const isSameServer = noticesUrl === undefined || new URL(noticesUrl).origin === new URL(url).origin;
	return isSameServer && !hasCredentials(url) ? withToken(url, token) : { url };
}

function withToken(url: string, token: string | undefined): Topic {
	return token === undefined ? { url } : { url, token };
}

function hasCredentials(url: string): boolean {
	const { username, password } = new URL(url);
	return username !== '' || password !== '';
}

function readHttp(
	resolved: ResolvedEnvironment,
	problems: ConfigProblem[],
): Pick<Config, 'listen' | 'token' | 'leaderUrl'> {
	const listen = read(VARIABLES.listen, resolved, problems) ?? null;
	const token = read(VARIABLES.token, resolved, problems) ?? null;
	const leaderUrl = read(VARIABLES.leaderUrl, resolved, problems) ?? null;
	const isTokenSet =
		resolved.values.has(VARIABLES.token.name) ||
		problems.some(({ variable }) => variable === `${VARIABLES.token.name}_FILE`);
	if (listen !== null && !isLoopback(listen.host) && !isTokenSet) {
		problems.push({
			variable: VARIABLES.token.name,
			message:
				'It is not set, and REPLICATOR_LISTEN can be reached from other machines. Set it to a long random secret, as ' +
				'"openssl rand -hex 32" prints, the same on every instance; or listen on this machine only.',
		});
	}
	return { listen, token, leaderUrl };
}

function resticEnvironment({ values }: ResolvedEnvironment): Record<string, string> {
	const entries = Array.from(values, ([name, { text }]) => [name, text] as const);
	return Object.fromEntries(entries.filter(([name]) => isResticVariable(name)));
}

function secretsIn({ values }: ResolvedEnvironment): string[] {
	return Array.from(values).flatMap(([name, { text }]) => {
		if (SECRET_ADDRESSES.includes(name)) return secretsInAddress(text.trim());
		const credentials = credentialsIn(text);
		const isSecret = isResticSecret(name) || OUR_TOKENS.includes(name);
		return isSecret ? [text, ...credentials] : credentials;
	});
}

/** A topic alone may be a common word; together with its server it is not, and neither is what looks like a key. */
function secretsInAddress(address: string): string[] {
	const withoutScheme = address.replace(/^[a-z]+:\/\//i, '');
	const withoutCredentials = withoutScheme.replace(/^[^/]*@/, '');
	const [path = ''] = withoutCredentials.split(/[?#]/, 1);
	const parts = path.split('/').slice(1);
	const places = parts.some((part) => part !== '') ? [withoutCredentials, path] : [withoutCredentials];
	return [...credentialsIn(`://${withoutScheme}`), ...places, ...parts.filter((part) => KEY.test(part))];
}

function unknownNames(env: Environment): ConfigProblem[] {
	const known = variables
		.flatMap(({ name, isReadFromFile }) => (isReadFromFile ? [name, `${name}_FILE`] : [name]))
		.filter((name) => name.startsWith('REPLICATOR_'));
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
