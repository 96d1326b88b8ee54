import { onTestFinished } from 'vitest';
import { type NtfyServer, type NtfyServerOptions, openNtfyServer } from './open-ntfy-server.ts';

export type { NtfyServer, Treatment } from './open-ntfy-server.ts';

/** The same, which ends with the running test. */
export async function startNtfyServer(options: NtfyServerOptions = {}): Promise<NtfyServer> {
	const server = await openNtfyServer(options);
	onTestFinished(() => server.stop());
	return server;
}
