import { onTestFinished } from 'vitest';
import { KumaClient } from '../kit/kuma-client.ts';
import { restServer } from '../kit/rest-server.ts';
import { makeWeakRepository } from '../kit/weak-repository.ts';
import { ADMIN, asAdmin } from './as-admin.ts';
import { type Container, type ContainerOptions, prepareContainer } from './container.ts';
import { buildProductImage } from './product-image.ts';
import type { StandInImages, Variant } from './stand-in-images.ts';

/** A leader and a replica in containers of one image, around a REST repository. */
export interface ContainerFleet {
	readonly leader: Container;
	readonly replica: Container;
	/** Does something on the leader as a person would. */
	edit<Result>(work: (client: KumaClient) => Promise<Result>): Promise<Result>;
}

/** Starts both of them; the leader has its first user. They are gone when the running test ends. */
export async function startContainerFleet(
	images: StandInImages,
	variant: Variant,
	options: Pick<ContainerOptions, 'database' | 'flags'>,
): Promise<ContainerFleet> {
	const image = await buildProductImage(images, variant);
	onTestFinished(() => image.remove());
	const { location: repository, directory } = await restServer();
	await makeWeakRepository(directory);
	const leader = await prepareContainer({ image: image.tag, mode: 'BACKUP', repository, ...options });
	const replica = await prepareContainer({ image: image.tag, mode: 'RESTORE', repository, ...options });
	await leader.start();
	const client = await KumaClient.connect(leader.url);
	await client.setup(...ADMIN);
	client.close();
	await leader.waitForStatus('a snapshot with the first user', ({ newest }) => newest !== null);
	await replica.start();
	return { leader, replica, edit: (work) => asAdmin(leader.url, work) };
}
