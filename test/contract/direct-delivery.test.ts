import { readdir } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createFleetKey, type FleetKey } from '../../src/fleet/fleet-key.ts';
import { type LeaderContentOptions, openLeaderContent } from '../../src/fleet/leader-content.ts';
import { openSnapshotDirectory } from '../../src/instance/snapshots/snapshot-directory.ts';
import { statePaths } from '../../src/instance/state-folder/data-directory.ts';
import type { LineagePlace } from '../../src/model/lineage.ts';
import type { SnapshotContent } from '../../src/model/snapshot.ts';
import { readRepositoryPassword } from '../../src/repository/repository-password.ts';
import { encodeContent, makeManifest } from '../../src/snapshot/encode.ts';
import { sealSnapshot } from '../../src/snapshot/sealed/seal.ts';
import { publicServer, TEST_TOKEN } from '../kit/public-server.ts';
import { publishListed } from '../kit/publish-listed.ts';
import { createdRepository, testRepository, testTree } from '../kit/restic.ts';
import { scriptedLeader } from '../kit/scripted-leader.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

function contentWith(name: string): SnapshotContent {
	const columns = [
		{ name: 'id', declared: 'INTEGER', isNullable: false },
		{ name: 'name', declared: 'TEXT', isNullable: true },
	];
	return {
		databaseKind: 'sqlite',
		timezone: 'UTC',
		tables: [{ name: 'tag', columns, key: ['id'], rows: [[1, name]] }],
		files: [{ path: 'upload/logo1.png', content: new Uint8Array([137, 80, 78, 71]) }],
	};
}

const ORIGIN = {
	productVersion: '1.0.0',
	kumaVersion: '2.5.3',
	databaseKind: 'sqlite',
	hostname: 'leader.example',
	instanceId: 'instance-1',
	timezone: 'UTC',
} as const;

/** A snapshot as a leader has it while it publishes it. */
function snapshotOf(content: SnapshotContent, generation: number) {
	const encoded = encodeContent(content);
	const createdAt = '2026-11-24T10:00:00.000Z';
	const manifest = makeManifest({ encoded, origin: ORIGIN, parent: null, createdAt });
	const place: LineagePlace = {
		hostname: ORIGIN.hostname,
		generation,
		digest: encoded.digest,
		parentId: null,
		instanceId: ORIGIN.instanceId,
		allowsDeletes: false,
	};
	return { content, encoded, manifest, place, digest: encoded.digest };
}

const OLD = snapshotOf(contentWith('old'), 1);
const NEW = snapshotOf(contentWith('new'), 2);

async function sealed(snapshot: typeof NEW, fleetKey: FleetKey, fleet = 'default'): Promise<Buffer> {
	const { place, manifest, encoded } = snapshot;
	const bytes = await sealSnapshot({ place, manifest, tree: encoded.tree, fleet, key: await fleetKey.get() });
	return bytes ?? expect.fail('too large');
}

/** The key as an instance finds it: from the variables of restic and a call of it. */
function keyOf(test: Awaited<ReturnType<typeof testRepository>>): FleetKey {
	return createFleetKey({
		password: () => readRepositoryPassword(test.environment),
		repositoryId: () => test.repository.id(),
	});
}

async function repositoryWithKey(): Promise<{ location: string; key: FleetKey }> {
	const location = await temporaryDirectory('repository');
	return { location, key: keyOf(await createdRepository({ location })) };
}

/** What a replica does with a snapshot that it heard of: fetch, verify, keep. */
async function fetchAndKeep(
	options: Partial<LeaderContentOptions> & { url: string; key: FleetKey },
	digest: string,
) {
	const data = await temporaryDirectory('replica');
	const paths = statePaths(data);
	const store = openSnapshotDirectory(paths);
	const leader = openLeaderContent({ token: TEST_TOKEN, fleet: 'default', ...options });
	let place: LineagePlace | null = null;
	try {
		const snapshot = await store.keep({
			digest,
			where: digest.slice(0, 8),
			write: async (directory) => {
				place = await leader.fetchContent({ digest, directory });
			},
		});
		return { snapshot, place, kept: await readdir(paths.appliedDirectory), error: null };
	} catch (error) {
		expect(await readdir(paths.root)).toEqual([]);
		return { snapshot: null, place, kept: [], error };
	}
}

describe('with a real repository', () => {
	test('a replica with the password gets what the leader has, before restic has it', async () => {
		const { location, key: leaderKey } = await repositoryWithKey();
		const { url, feed } = await publicServer();
		feed.announce({ generation: 2, digest: NEW.digest, isKept: false }, () => sealed(NEW, leaderKey));
		const replica = await testRepository({ location });

		const got = await fetchAndKeep({ url, key: keyOf(replica) }, NEW.digest);

		expect(got.error).toBeNull();
		expect(got.place).toEqual(NEW.place);
		expect(got.snapshot).toEqual({ manifest: NEW.manifest, content: NEW.content });
		expect(got.kept).toEqual([NEW.digest]);
		expect(await replica.repository.list()).toEqual([]);
	});

	test('what restic gives and what the leader gives are the same, byte for byte', async () => {
		const { location, key } = await repositoryWithKey();
		const { repository } = await testRepository({ location });
		const { url, feed } = await publicServer();
		feed.announce({ generation: 2, digest: NEW.digest, isKept: false }, () => sealed(NEW, key));
		const tree = Object.fromEntries(NEW.encoded.tree);
		const fetched = await fetchAndKeep({ url, key }, NEW.digest);

		const directory = await testTree({ ...tree, 'manifest.json': JSON.stringify(NEW.manifest) });
		const published = await publishListed(repository, { ...NEW.place, directory });
		const store = openSnapshotDirectory(statePaths(await temporaryDirectory('replica')));
		const restored = await store.keep({
			digest: NEW.digest,
			where: 'restic',
			write: (target) => repository.fetch({ id: published.id, directory: target }),
		});

		expect(fetched.snapshot).toEqual(restored);
	});

	test('a replica with another password gets nothing, and another repository with the same one neither', async () => {
		const { location, key: leaderKey } = await repositoryWithKey();
		const { url, feed } = await publicServer();
		feed.announce({ generation: 2, digest: NEW.digest, isKept: false }, () => sealed(NEW, leaderKey));
		const { repository } = await testRepository({ location });
		const otherPassword = createFleetKey({
			password: async () => 'another password',
			repositoryId: () => repository.id(),
		});
		const { key: otherRepository } = await repositoryWithKey();

		for (const key of [otherPassword, otherRepository]) {
			const { error } = await fetchAndKeep({ url, key }, NEW.digest);
			expect(error).toMatchObject({ code: 'snapshot-corrupt' });
			expect(String(error)).toContain('with another password');
		}
	});

	test('a password that cannot be had is told, and nothing is downloaded for good', async () => {
		const { location, key: leaderKey } = await repositoryWithKey();
		const { url, feed } = await publicServer();
		feed.announce({ generation: 2, digest: NEW.digest, isKept: false }, () => sealed(NEW, leaderKey));
		const replica = await testRepository({ location });
		const environment = { RESTIC_PASSWORD_FILE: '/nowhere' };
		const key = createFleetKey({
			password: () => readRepositoryPassword(environment),
			repositoryId: () => replica.repository.id(),
		});

		expect((await fetchAndKeep({ url, key }, NEW.digest)).error).toMatchObject({
			code: 'repository-password-wrong',
		});
	});
});

describe('whoever answers instead of the leader', () => {
	let key: FleetKey;
	beforeAll(() => {
		key = createFleetKey({ password: async () => 'sesame', repositoryId: async () => 'repository' });
	});

	async function fetchFrom(
		answer: (response: ServerResponse, request: IncomingMessage) => void,
		options: Partial<LeaderContentOptions> = {},
	) {
		const { url } = await scriptedLeader((request, response) => answer(response, request));
		return fetchAndKeep({ url, key, ...options }, NEW.digest);
	}

	test('cannot pass an older snapshot off as the one that was asked for', async () => {
		const replayed = await sealed(OLD, key);

		const { error } = await fetchFrom((response) => response.end(replayed));

		expect(error).toMatchObject({ code: 'snapshot-corrupt' });
	});

	test('cannot give an older snapshot a new place in the lineage', async () => {
		const replayed = await sealed(OLD, key);
		const { url } = await scriptedLeader((_request, response) => response.end(replayed));

		// As a replica does that was told of a generation 99 with the old one's digest.
		const { place } = await fetchAndKeep({ url, key }, OLD.digest);

		expect(place).toEqual(OLD.place);
	});

	test('cannot deliver the snapshot of another fleet in the same repository', async () => {
		const foreign = await sealed(NEW, key, 'another-fleet');

		const { error } = await fetchFrom((response) => response.end(foreign));

		expect(error).toMatchObject({ code: 'snapshot-corrupt' });
	});

	test('cannot change, cut or lengthen what it delivers', async () => {
		const good = await sealed(NEW, key);
		const changed = Buffer.from(good);
		changed[40] = (changed[40] ?? 0) ^ 1;

		for (const bytes of [
			changed,
			good.subarray(0, -1),
			Buffer.concat([good, Buffer.from('x')]),
			Buffer.alloc(0),
		]) {
			const { error } = await fetchFrom((response) => response.end(bytes));
			expect(error).toMatchObject({ code: 'snapshot-corrupt' });
		}
	});

	test('cannot deliver a tree that is another than its digest says, even with the password', async () => {
		const lie = { ...NEW, encoded: { ...NEW.encoded, tree: OLD.encoded.tree } };
		const bytes = await sealed(lie, key);

		const { error } = await fetchFrom((response) => response.end(bytes));

		expect(error).toMatchObject({ code: 'snapshot-corrupt' });
		expect(String(error)).toContain('is not what the manifest describes');
	});

	test('cannot send without an end', async () => {
		const chunk = Buffer.alloc(1024 * 1024);

		const { error } = await fetchFrom((response) => {
			const pour = () => {
				while (!response.destroyed && response.write(chunk));
			};
			response.on('drain', pour);
			pour();
		});

		expect(error).toMatchObject({ code: 'snapshot-corrupt' });
		expect(String(error)).toContain('more than 67108864 bytes');
	});

	test('cannot keep a replica waiting', async () => {
		const silent = await fetchFrom(() => undefined, { timeoutMs: 200 });
		const dripping = await fetchFrom(
			(response) => {
				const timer = setInterval(() => response.write('x'), 10);
				response.on('close', () => clearInterval(timer));
			},
			{ timeoutMs: 300 },
		);

		for (const { error } of [silent, dripping])
			expect(error).toMatchObject({
				code: 'leader-unreachable',
				isRetryable: true,
				message: 'The leader cannot be reached: no answer in time.',
			});
	});

	test('is told from a leader that does not have the snapshot, or refuses the token', async () => {
		const { url } = await publicServer();

		const missing = await fetchAndKeep({ url, key }, NEW.digest);
		const refused = await fetchAndKeep({ url, key, token: null }, NEW.digest);
		const broken = await fetchFrom((response) => response.destroy());
		const halfWay = await fetchFrom((response) => {
			response.writeHead(200, { 'content-length': 100 });
			response.write('x', () => response.destroy());
		});

		expect(missing.error).toMatchObject({ code: 'snapshot-not-found', isRetryable: true });
		expect(refused.error).toMatchObject({ code: 'leader-unreachable', isRetryable: false });
		expect(String(refused.error)).toContain('refuses the token');
		for (const { error } of [broken, halfWay]) expect(error).toMatchObject({ code: 'leader-unreachable' });
	});
});

test('a download ends when the replica is to stop', async () => {
	const stop = new AbortController();
	const { url } = await scriptedLeader(() => stop.abort());
	onTestFinished(() => stop.abort());
	const key = createFleetKey({ password: async () => 'sesame', repositoryId: async () => 'repository' });

	const { error } = await fetchAndKeep({ url, key, signal: stop.signal }, NEW.digest);

	expect(error).toMatchObject({ code: 'leader-unreachable' });
});
