import { machineEnvironment } from '../../scripts/machine-node.mjs';

/** What the shell of a developer says about a Kuma, or about its replication, must not change the one under test. */
const NOT_OURS = /^(UPTIME_KUMA_|RESTIC_|REPLICATOR_|NTFY_|DATA_DIR$|HOST$|PORT$)/;

/** @returns the environment of a Kuma under test, which listens on loopback. */
export function kumaEnvironment(kuma: {
	readonly node: string;
	readonly dataDirectory: string;
	readonly port: number;
	/** Without it, Kuma shows its database wizard unless the data directory says which database it uses. */
	readonly databaseType?: 'sqlite';
}): NodeJS.ProcessEnv {
	const own = Object.entries(machineEnvironment(kuma.node)).filter(([name]) => !NOT_OURS.test(name));
	return {
		...Object.fromEntries(own),
		// Kuma glues file names to it.
		DATA_DIR: `${kuma.dataDirectory.replace(/\/+$/, '')}/`,
		UPTIME_KUMA_HOST: '127.0.0.1',
		UPTIME_KUMA_PORT: String(kuma.port),
		...(kuma.databaseType === undefined ? {} : { UPTIME_KUMA_DB_TYPE: kuma.databaseType }),
	};
}
