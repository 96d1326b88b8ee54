import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { execa } from 'execa';
import type { ReplicatorMode } from '../../src/model/role.ts';
import { unpackSqlite } from './fixtures.ts';
import { freePort } from './free-port.ts';
import { prepareReplicator, type Replicator } from './replicator.ts';
import { makeWeakRepository } from './weak-repository.ts';

const BUNDLE = join(import.meta.dirname, '../../dist/replicator-kuma.js');
const KUMA = join(import.meta.dirname, '../programs/kuma-fake.mjs');
const FIXTURE = 'plain-2.3.2.sqlite.db.gz';
/** The address that documents name for a leader's REPLICATOR_LISTEN. Here it has another port, which is free. */
const DOCUMENTED_ADDRESS = /\b(?:localhost|127\.0\.0\.1):8080\b/g;
const BLOCK_MS = 50_000;

/** `stopped`: an instance on which nothing runs. */
export type Place = 'leader' | 'replica' | 'stopped';

export interface BlockEnd {
	readonly exitCode: number | undefined;
	readonly output: string;
}

/** A machine for the commands of documents: a leader and a replica that run, and one that does not. */
export interface DocsSandbox {
	/** Runs lines of shell as somebody would who types them where that instance runs; the first failure ends them. */
	run(text: string, place: Place): Promise<BlockEnd>;
	discard(): Promise<void>;
}

/** Starts the two of them, each on a database as Kuma leaves it, with a stand-in for Kuma's server. */
export async function startDocsSandbox(): Promise<DocsSandbox> {
	const root = await mkdtemp(join(tmpdir(), 'replicator-kuma-docs-'));
	const [home, bin] = [join(root, 'home'), join(root, 'bin')];
	for (const directory of [home, bin]) await mkdir(directory);
	await symlink(BUNDLE, join(bin, 'replicator-kuma'));
	const address = `127.0.0.1:${await freePort()}`;
	const repository = join(root, 'repository');
	await makeWeakRepository(repository);
	const prepared: Replicator[] = [];
	const prepare = async (mode: ReplicatorMode, environment: Readonly<Record<string, string>>) => {
		const replicator = await prepareReplicator({
			mode,
			repository,
			// What Kuma has chosen is unpacked with its database.
			database: 'wizard',
			installation: { directory: home, node: process.execPath, version: '2.3.2' },
			command: [process.execPath, KUMA],
			environment: {
				HOME: home,
				PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
				REPLICATOR_TOKEN: '4f1c0e7b92d84a65b3a1',
				...environment,
			},
		});
		prepared.push(replicator);
		await unpackSqlite(FIXTURE, replicator.dataDirectory);
		return replicator;
	};
	const discard = async () => {
		await Promise.all(prepared.map((replicator) => replicator.discard()));
		await rm(root, { recursive: true, force: true });
	};
	try {
		const places: Record<Place, Replicator> = {
			leader: await prepare('BACKUP', { REPLICATOR_LISTEN: address }),
			replica: await prepare('RESTORE', { REPLICATOR_LEADER_URL: `http://${address}` }),
			stopped: await prepare('RESTORE', {}),
		};
		for (const replicator of [places.leader, places.replica]) {
			await replicator.start();
			await replicator.waitForStatus(
				'the newest snapshot',
				({ newest, applied }) => newest !== null && newest.id === applied?.id,
			);
		}
		return {
			run: async (text, place) => {
				const words = ['-eu', '-c', text.replace(DOCUMENTED_ADDRESS, address)];
				const { exitCode, all } = await execa('sh', words, {
					cwd: home,
					env: places[place].environment,
					extendEnv: false,
					all: true,
					reject: false,
					stdin: 'ignore',
					timeout: BLOCK_MS,
				});
				return { exitCode, output: all };
			},
			discard,
		};
	} catch (error) {
		await discard();
		throw error;
	}
}
