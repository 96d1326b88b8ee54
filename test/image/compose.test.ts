import { dirname } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { KumaClient } from '../kit/kuma-client.ts';
import { waitFor } from '../kit/wait-for.ts';
import { ADMIN, asAdmin } from './as-admin.ts';
import { composeCommand } from './compose-command.ts';
import { startComposeProject } from './compose-project.ts';
import { buildProductImage } from './product-image.ts';
import { standInImages } from './stand-in-images.ts';
import { waitForMonitors } from './wait-for-monitors.ts';

const PROJECT = dirname(dirname(import.meta.dirname));
/** What a person says in an `.env` file because a file asks for it. */
const ASKED_FOR = {
	RESTIC_REPOSITORY: 's3:s3.eu-central-1.amazonaws.com/my-bucket/kuma',
	RESTIC_PASSWORD: 'sesame-open-up',
	REPLICATOR_HOSTNAME: 'kuma-frankfurt',
};
/** Docker kills after 10 s unless it is told otherwise; a leader publishes for up to 5 s, then Kuma stops for up to 6. */
const GRACE = /^1m(0s)?$/;
/** A new MariaDB and Kuma's migrations, three instances at once, on a busy machine. */
const READY_MS = 240_000;

interface Service {
	readonly image: string;
	readonly restart: string;
	readonly stop_grace_period?: string;
	readonly depends_on?: Readonly<Record<string, unknown>>;
	/** In words, as Compose 1 leaves them, or in parts, as Compose 2 shows them. */
	readonly volumes: readonly (string | { readonly source: string; readonly target: string })[];
	readonly ports?: readonly unknown[];
	readonly environment: Readonly<Record<string, string>>;
}
interface Composition {
	readonly services: Readonly<Record<string, Service>>;
	readonly volumes: Readonly<Record<string, unknown>>;
}

/** @returns a file as Compose itself checks and completes it. @throws Error with what Compose says about it. */
async function compose(file: string, env: Readonly<Record<string, string>>): Promise<Composition> {
	const [program = '', ...words] = await composeCommand();
	const { stdout } = await execa(program, [...words, '--file', file, 'config'], {
		cwd: PROJECT,
		env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
		extendEnv: false,
	});
	return parse(stdout) as Composition;
}

function partsOf({ volumes }: Pick<Service, 'volumes'>): { source: string; target: string }[] {
	return volumes.map((volume) => {
		if (typeof volume !== 'string') return volume;
		const [source = '', target = ''] = volume.split(':');
		return { source, target };
	});
}

const instances = ({ services }: Composition) =>
	Object.values(services).filter(({ image }) => image.includes('/replicator-kuma:'));

const FILES = [
	['compose.leader.yaml', ASKED_FOR],
	['compose.replica.yaml', ASKED_FOR],
	['compose.yaml', {}],
] as const;

describe.each(FILES)('%s', (file, env) => {
	test('is what Compose understands, with every volume that it names', async () => {
		const { services, volumes } = await compose(file, env);

		const named = Object.values(services).flatMap((service) => partsOf(service).map(({ source }) => source));
		expect(named.sort()).toEqual(Object.keys(volumes).sort());
		for (const { restart } of Object.values(services)) expect(restart).toBe('unless-stopped');
	});

	test('gives every instance a configuration without a warning, one volume for its data, and time to stop', async () => {
		const found = instances(await compose(file, env));

		expect(found.length).toBeGreaterThan(0);
		for (const { environment, volumes, stop_grace_period } of found) {
			const { problems, warnings } = loadConfig(environment, { needsRepository: true });
			expect([...problems, ...warnings]).toEqual([]);
			expect(partsOf({ volumes }).map(({ target }) => target)).toEqual(['/app/data']);
			expect(stop_grace_period).toMatch(GRACE);
		}
	});
});

test.each(['RESTIC_REPOSITORY', 'RESTIC_PASSWORD'] as const)(
	'Compose says that %s is missing before anything is started',
	async (name) => {
		const { [name]: _, ...rest } = ASKED_FOR;

		for (const file of ['compose.leader.yaml', 'compose.replica.yaml'])
			await expect(compose(file, rest)).rejects.toThrow(new RegExp(`${name}.*(a long|where snapshots)`, 's'));
	},
);

test('what is set for the original arrives in the container: mode, repository, S3 and ntfy', async () => {
	const set = {
		...ASKED_FOR,
		AWS_DEFAULT_REGION: 'eu-central-1',
		AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
		AWS_SECRET_ACCESS_KEY: 'secret-key',
		NTFY_URL: 'https://ntfy.sh/my-fleet',
		REPLICATOR_MODE: 'RESTORE_LOCAL_ENTITY_REPLICATION',
	};

	const [replica] = instances(await compose('compose.replica.yaml', set));
	const [leader] = instances(await compose('compose.leader.yaml', set));

	expect(replica?.environment).toMatchObject(set);
	expect(leader?.environment).toMatchObject({ ...set, REPLICATOR_MODE: 'BACKUP' });
});

test('the fleet on one machine is a leader, replicas on both databases that listen to it, and one repository', async () => {
	const composition = await compose('compose.yaml', {});

	const { leader, repository } = composition.services;
	const replicas = instances(composition).filter(
		({ environment }) => environment.REPLICATOR_MODE === 'RESTORE',
	);
	const port = leader?.environment.REPLICATOR_LISTEN?.split(':')[1];
	expect(leader?.environment.REPLICATOR_MODE).toBe('BACKUP');
	expect(replicas.map(({ environment }) => environment.UPTIME_KUMA_DB_TYPE).sort()).toEqual([
		'embedded-mariadb',
		'sqlite',
	]);
	for (const { environment } of replicas)
		expect(environment.REPLICATOR_LEADER_URL).toBe(`http://leader:${port}`);
	for (const { environment, depends_on } of instances(composition)) {
		expect(environment.RESTIC_REPOSITORY).toBe('rest:http://repository:8000/');
		expect(Object.keys(depends_on ?? {})).toEqual(['repository']);
	}
	expect(repository?.ports ?? []).toEqual([]);
	for (const { ports } of instances(composition))
		expect(JSON.stringify(ports)).toMatch(/127\.0\.0\.1.*300[123]/);
});

test('the fleet on one machine comes up with one command, and an edit on the leader arrives everywhere', async () => {
	// The pre-release that npm has runs its embedded MariaDB for the user node alone.
	const image = await buildProductImage(await standInImages(), 'rootless');
	onTestFinished(() => image.remove());
	const { leader, ...replicas } = await startComposeProject(image);

	await waitForKuma(leader, (client) => client.needsSetup());
	const person = await KumaClient.connect(leader.url);
	await person.setup(...ADMIN);
	person.close();
	await asAdmin(leader.url, (client) => client.addMonitor({ name: 'Shop', active: false }));

	for (const replica of Object.values(replicas)) {
		await waitForKuma(replica, async (client) => !(await client.needsSetup()));
		await waitForMonitors(replica, ['Shop']);
	}
});

/** Waits until a Kuma answers, and answers this. */
async function waitForKuma(
	instance: { readonly url: string; log(): Promise<string> },
	condition: (client: KumaClient) => Promise<boolean>,
): Promise<void> {
	const isThere = async () => {
		const client = await KumaClient.connect(instance.url).catch(() => null);
		try {
			return client !== null && (await condition(client));
		} finally {
			client?.close();
		}
	};
	await waitFor(isThere, { timeoutMs: READY_MS, what: instance.url }).catch(async (cause) => {
		throw new Error(`${instance.url} is not ready; it said:\n${await instance.log()}`, { cause });
	});
}
