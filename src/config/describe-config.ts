import type { Config } from './load-config.ts';
import { maskCredentials } from './mask-credentials.ts';
import type { Origin } from './resolve-environment.ts';
import { isResticSecret } from './restic-variables.ts';
import { VARIABLES, variables } from './schema.ts';
import { formatGuardThresholds, formatListening, formatRetention } from './value-schemas.ts';

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
		[VARIABLES.ntfyUrl.name, originOf(config.ntfy?.url)],
		[
			VARIABLES.ntfyToken.name,
			(config.ntfy?.token ?? config.nudge.topic?.token) === undefined ? null : '***',
		],
		[VARIABLES.nudge.name, config.nudge.isOn ? 'on' : 'off'],
		[VARIABLES.nudgeUrl.name, config.nudge.isSeparate ? originOf(config.nudge.topic?.url) : null],
		[VARIABLES.heartbeatUrl.name, originOf(config.heartbeatUrl)],
		[VARIABLES.listen.name, config.listen === null ? null : formatListening(config.listen)],
		[VARIABLES.token.name, config.token === null ? null : '***'],
		[VARIABLES.leaderUrl.name, config.leaderUrl],
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

/** Who knows the rest of such an address can read or write what is behind it. */
function originOf(url: string | null | undefined): string | null {
	return url == null ? null : `${new URL(url).origin}/***`;
}

function describeResticVariable(name: string, text: string | undefined): string | null {
	if (text === undefined) {
		return null;
	}
	return isResticSecret(name) ? '***' : maskCredentials(text);
}
