import { dirname, join } from 'node:path';
import { buildImage, podman } from './containers.ts';
import type { StandInImages, Variant } from './stand-in-images.ts';

const PROJECT = dirname(dirname(import.meta.dirname));

/** The product's image as `npm run build` and the Dockerfile make it, on a stand-in for upstream's. */
export interface ProductImage {
	readonly tag: string;
	readonly base: string;
	remove(): Promise<void>;
}

export async function buildProductImage(images: StandInImages, variant: Variant): Promise<ProductImage> {
	// Several checkouts may be tested at once on one machine.
	const tag = `localhost/replicator-kuma-test:${variant}-${process.pid}`;
	const base = images.bases[variant];
	await buildImage({
		tag,
		dockerfile: join(PROJECT, 'Dockerfile'),
		context: PROJECT,
		buildArguments: {
			KUMA_TAG: variant,
			BASE_IMAGE: base,
			RESTIC_IMAGE: images.restic,
			VERSION: '1.2.3',
			REVISION: 'abc1234',
		},
	});
	return { tag, base, remove: async () => void (await podman('rmi', '--force', tag)) };
}
