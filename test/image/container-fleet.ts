import { onTestFinished } from 'vitest';
import { KumaClient } from '../kit/kuma-client.ts';
import { restServer } from '../kit/rest-server.ts';
import { waitFor } from '../kit/wait-for.ts';
import { type Container, type ContainerOptions, prepareContainer } from './container.ts';
import { buildProductImage } from './product-image.ts';
import type { StandInImages, Variant } from './stand-in-images.ts';

const ARRIVAL_MS = 120_000;
const ADMIN = ['admin', 'secret-12345'] as const;

/** A leader and a replica in containers of one image, around a REST repository. */
export interface ContainerFleet {
	readonly leader: Container;
	readonly replica: Container;
	/** Does something on the leader as a person would. */
	edit<Result>(work: (client: KumaClient) => Promise<Result>): Promise<Result>;
	/** Waits until whoever logs in on an instance sees these monitors and no others. */
	waitForMonitors(instance: Container, names: readonly string[]): Promise<void>;
}

/** Starts both of them; the leader has its first user. They are gone when the running test ends. */
export async function startContainerFleet(
	images: StandInImages,
	variant: Variant,
	options: Pick<ContainerOptions, 'database' | 'flags'>,
): Promise<ContainerFleet> {
	const image = await buildProductImage(images, variant);
	onTestFinished(() => image.remove());
	const { location: repository } = await restServer();
	const leader = await prepareContainer({ image: image.tag, mode: 'BACKUP', repository, ...options });
	const replica = await prepareContainer({ image: image.tag, mode: 'RESTORE', repository, ...options });
	await leader.start();
	const client = await KumaClient.connect(leader.url);
	await client.setup(...ADMIN);
	client.close();
	await leader.waitForStatus('a snapshot with the first user', ({ newest }) => newest !== null);
	await replica.start();
	return {
		leader,
		replica,
		edit: (work) => withClient(leader, work),
		waitForMonitors: (instance, names) => withClient(instance, (seer) => seeMonitors(seer, instance, names)),
	};
}

async function withClient<Result>(
	instance: Container,
	work: (client: KumaClient) => Promise<Result>,
): Promise<Result> {
	const client = await KumaClient.connect(instance.url);
	try {
		await client.login(...ADMIN);
		return await work(client);
	} finally {
		client.close();
	}
}

async function seeMonitors(client: KumaClient, instance: Container, names: readonly string[]): Promise<void> {
	let seen: unknown[] = [];
	const isThere = async () => {
		seen = [...(await client.monitorList()).values()].map(({ name }) => name).sort();
		return JSON.stringify(seen) === JSON.stringify([...names].sort());
	};
	await waitFor(isThere, { timeoutMs: ARRIVAL_MS, what: `${names} on ${instance.name}` }).catch(
		async (cause) => {
			throw new Error(`There are ${seen}; it said:\n${await instance.log()}`, { cause });
		},
	);
}
