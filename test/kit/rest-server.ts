import { onTestFinished } from 'vitest';
import { openRestServer, type RestServer } from './open-rest-server.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export type { RestServer };

/** The same, which ends with the running test; in a temporary directory when none is given. */
export async function restServer(
	options: { readonly flags?: readonly string[]; readonly directory?: string } = {},
): Promise<RestServer> {
	const directory = options.directory ?? (await temporaryDirectory('rest'));
	const server = await openRestServer({ ...options, directory });
	onTestFinished(() => server.stop());
	return server;
}
