import { KumaClient } from '../kit/kuma-client.ts';

/** Whom to set a Kuma up with. */
export const ADMIN = ['admin', 'secret-12345'] as const;

/** Does something on a Kuma as a person who has logged in. */
export async function asAdmin<Result>(
	url: string,
	work: (client: KumaClient) => Promise<Result>,
): Promise<Result> {
	const client = await KumaClient.connect(url);
	try {
		await client.login(...ADMIN);
		return await work(client);
	} finally {
		client.close();
	}
}
