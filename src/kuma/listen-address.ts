import { ReplicatorError } from '../model/replicator-error.ts';

/** Where Kuma's web server listens. */
export interface ListenAddress {
	/** Undefined stands for every address of the machine. */
	readonly host: string | undefined;
	readonly port: number;
}

const DEFAULT_PORT = 3001;
const HIGHEST_PORT = 65_535;
const UNSPECIFIED_HOSTS = ['', '0.0.0.0', '::', '[::]'];

/**
 * Finds out where Kuma will listen in the way that its own server/config.js does: `--port=` and `--host=`, then
 * UPTIME_KUMA_PORT and UPTIME_KUMA_HOST, then PORT and HOST, and 3001 on every address.
 * @throws ReplicatorError `configuration-invalid` for a port that nobody can listen on.
 */
export function readListenAddress({
	command,
	env,
}: {
	command: readonly string[];
	env: NodeJS.ProcessEnv;
}): ListenAddress {
	const ports = [readFlag(command, 'port'), env.UPTIME_KUMA_PORT, env.PORT];
	const port = ports.map((text) => Number.parseInt(text ?? '', 10)).find((number) => !Number.isNaN(number));
	if (port !== undefined && (port < 1 || port > HIGHEST_PORT)) {
		throw new ReplicatorError(`Uptime Kuma cannot listen on port ${port}`, {
			code: 'configuration-invalid',
			hint: `Set UPTIME_KUMA_PORT to a number from 1 to ${HIGHEST_PORT}.`,
		});
	}
	const host = readFlag(command, 'host') || env.UPTIME_KUMA_HOST || env.HOST;
	return {
		host: host === undefined || UNSPECIFIED_HOSTS.includes(host) ? undefined : host,
		port: port ?? DEFAULT_PORT,
	};
}

/** Hosts on which something that listens at `address` answers, in the order to try them. */
export function hostsToTry({ host }: ListenAddress): readonly string[] {
	return host === undefined ? ['127.0.0.1', '::1'] : [host];
}

// Kuma's parser of arguments takes one dash or two, and the last of several.
function readFlag(command: readonly string[], name: string): string | undefined {
	const pattern = new RegExp(`^--?${name}=(.+)$`);
	return command.flatMap((word) => pattern.exec(word)?.[1] ?? []).at(-1);
}
