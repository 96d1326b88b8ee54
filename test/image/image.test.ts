import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../kit/free-port.ts';
import { restServer } from '../kit/rest-server.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { type Container, type ContainerOptions, prepareContainer } from './container.ts';
import { buildImage, podman } from './containers.ts';
import { buildProductImage, type ProductImage } from './product-image.ts';
import { type StandInImages, standInImages, VARIANTS, type Variant } from './stand-in-images.ts';

const ADDED_BYTES_MAX = 40_000_000;
const USERS: Readonly<Record<Variant, string>> = { standard: '', slim: '', rootless: 'node' };

let standIns: StandInImages;
const images = {} as Record<Variant, ProductImage>;
beforeAll(async () => {
	standIns = await standInImages();
	for (const variant of VARIANTS) images[variant] = await buildProductImage(standIns, variant);
});
afterAll(async () => {
	for (const image of Object.values(images)) await image.remove();
});

async function inspect<Result>(tag: string, field: string): Promise<Result> {
	return JSON.parse(await podman('inspect', '--format', `{{json ${field}}}`, tag)) as Result;
}

test.each(VARIANTS)(
	'the %s image adds little to its base, changes no file of it, and keeps its user',
	async (variant) => {
		const { tag, base } = images[variant];

		const changes = (await podman('diff', tag, base)).split('\n').sort();
		const [size, baseSize] = [await inspect<number>(tag, '.Size'), await inspect<number>(base, '.Size')];

		const added = changes.filter((line) => line.startsWith('A ')).map((line) => line.slice(2));
		expect(changes.filter((line) => !line.startsWith('A '))).toEqual([
			'C /usr',
			'C /usr/local',
			'C /usr/local/bin',
			'C /usr/local/lib',
		]);
		expect(added.filter((path) => !path.startsWith('/usr/local/lib/replicator-kuma'))).toEqual([
			'/usr/local/bin/replicator-kuma',
			'/usr/local/bin/replicator-kuma-health',
			'/usr/local/bin/restic',
		]);
		expect(added.filter((path) => path.includes('node_modules'))).toEqual([]);
		expect(size - baseSize).toBeLessThan(ADDED_BYTES_MAX);
		expect(await inspect(tag, '.Config.User')).toBe(USERS[variant]);
	},
);

test('the image says what it is, and starts replicator-kuma under dumb-init', async () => {
	const { tag } = images.slim;

	expect(await inspect(tag, '.Labels')).toMatchObject({
		'org.opencontainers.image.title': 'Replicator Kuma',
		'org.opencontainers.image.version': '1.2.3',
		'org.opencontainers.image.revision': 'abc1234',
		'org.opencontainers.image.source': expect.stringMatching(/\/replicator-kuma$/),
		'org.opencontainers.image.base.name': 'docker.io/louislam/uptime-kuma:slim',
	});
	expect(await inspect(tag, '.Config')).toMatchObject({
		Entrypoint: ['/usr/bin/dumb-init', '--'],
		Cmd: ['replicator-kuma', 'run'],
		WorkingDir: '/app',
		ExposedPorts: { '3001/tcp': {} },
	});
});

test('a base whose Node is too old, as that of Kuma 2.0 is, is refused with the reason', async () => {
	const context = await temporaryDirectory('old-node');
	await writeFile(
		join(context, 'older.cjs'),
		"Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.5' } });\n",
	);
	const dockerfile = join(context, 'Dockerfile');
	await writeFile(
		dockerfile,
		`FROM ${standIns.bases.slim}\nCOPY older.cjs /\nENV NODE_OPTIONS="--require /older.cjs"\n`,
	);
	const tag = `localhost/replicator-kuma-test:old-node-${process.pid}`;
	await buildImage({ tag, dockerfile, context });
	onTestFinished(async () => void (await podman('rmi', '--force', tag)));

	const refused = buildProductImage({ ...standIns, bases: { ...standIns.bases, slim: tag } }, 'slim');

	await expect(refused).rejects.toThrow('needs Node 22.13 or newer; this is Node 20.19.5');
});

function prepareLeader(repository: string, options: Partial<ContainerOptions> = {}): Promise<Container> {
	return prepareContainer({
		image: images.slim.tag,
		mode: 'BACKUP',
		database: 'sqlite',
		repository,
		...options,
	});
}

async function startLeader(repository: string): Promise<Container> {
	const leader = await prepareLeader(repository);
	await leader.start();
	return leader;
}

async function unreachable(): Promise<string> {
	return `rest:http://127.0.0.1:${await freePort()}/`;
}

test('other commands of the product run in the container, on the data directory of its instance', async () => {
	const { location } = await restServer();
	const leader = await startLeader(location);

	expect(await leader.exec('replicator-kuma', '--version')).toMatch(/^\d+\.\d+\.\d+$/);
	expect(await leader.exec('replicator-kuma', 'doctor')).toMatch(/^ {2}ok +data directory: \/app\/data$/m);
});

describe('the health check', () => {
	test('is passed while replication is in trouble, and tells of that', async () => {
		const leader = await startLeader(await unreachable());
		await leader.waitForStatus('replication in trouble', ({ lastError }) => lastError !== null);

		const { ExitCode, Output } = await leader.checkHealth();

		expect(Output).toMatch(/Health Check OK.*\nLast error .*repository/is);
		expect(ExitCode).toBe(0);
	});

	test('fails when Kuma does not answer', async () => {
		const command = ['replicator-kuma', 'run', '--', 'sleep', '600'];
		const leader = await prepareLeader(await unreachable(), { command });
		await podman('start', leader.name);

		const { ExitCode, Output } = await leader.checkHealth();

		expect(Output).toContain('ECONNREFUSED');
		expect(ExitCode).toBe(1);
	});

	test('fails when replicator-kuma does not answer, although Kuma does', async () => {
		const { location } = await restServer();
		const leader = await startLeader(location);
		await leader.exec('sh', '-c', 'kill -STOP "$(cat data/replicator-kuma/lock.pid)"');

		const { ExitCode, Output } = await leader.checkHealth();

		expect(Output).toContain('Health Check OK');
		expect(ExitCode).toBe(1);
	});
});
