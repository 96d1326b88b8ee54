import type { Config } from './load-config.ts';
import { maskCredentials } from './mask-credentials.ts';
import type { Origin } from './resolve-environment.ts';
import { isResticSecret } from './restic-variables.ts';
import { VARIABLES, variables } from './schema.ts';
import { formatGuardThresholds, formatRetention } from './value-schemas.ts';

/** One variable as it applies. */
export interface ConfigRow {
	readonly name: string;
	/** Without secrets; null when nothing is set and nothing applies. */
	readonly value: string | null;
	readonly origin: Origin;
}

/**
 * The configuration as it applies, defaults filled in and secrets masked: every declared variable, and after
 * them what else is handed on to restic.
 */
export function describeConfig(config: Config): ConfigRow[] {
	const ours = new Map<string, string | null>([
		[VARIABLES.mode.name, config.mode],
		[VARIABLES.dataDirectory.name, config.dataDirectory],
		[VARIABLES.interval.name, String(config.intervalMs / 1000)],
		[VARIABLES.fleet.name, config.fleet],
		[VARIABLES.hostname.name, config.hostname],
		[VARIABLES.pushMonitors.name, config.pausesPushMonitors ? 'pause' : 'run'],
		[VARIABLES.startTimeout.name, String(config.startTimeoutMs / 1000)],
		[VARIABLES.notificationPrefix.name, config.notificationPrefix],
		[VARIABLES.guard.name, formatGuardThresholds(config.guard)],
		[VARIABLES.retention.name, formatRetention(config.retention)],
		[VARIABLES.ntfyUrl.name, config.ntfy === null ? null : `${new URL(config.ntfy.url).origin}/***`],
		[VARIABLES.ntfyToken.name, config.ntfy?.token === undefined ? null : '***'],
		[VARIABLES.logLevel.name, config.log.level],
		[VARIABLES.logFormat.name, config.log.format],
	]);
	const { environment } = config.repository;
	const names = new Set([...variables.map((variable) => variable.name), ...Object.keys(environment).sort()]);
	return Array.from(names, (name) => ({
		name,
		value: ours.get(name) ?? describeResticVariable(name, environment[name]),
		origin: config.origins.get(name) ?? 'default',
	}));
}

function describeResticVariable(name: string, text: string | undefined): string | null {
	if (text === undefined) {
		return null;
	}
	return isResticSecret(name) ? '***' : maskCredentials(text);
}
