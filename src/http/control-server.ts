import { chmod, rm } from 'node:fs/promises';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import * as z from 'zod';
import { isReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport, Status } from '../model/status.ts';
import { withSocketPath } from '../socket/socket-path.ts';

const BODY_BYTES_MAX = 64 * 1024;
const TEXT_MAX = 200;

export const backupOrders = z.object({
	takesOver: z.boolean(),
	allowsDeletes: z.boolean(),
	dropsHeld: z.array(z.string().max(TEXT_MAX)).max(1000),
});
export const restoreOrders = z.object({
	snapshotId: z.string().max(TEXT_MAX).nullable(),
	allowsDeletes: z.boolean(),
	isDryRun: z.boolean(),
});

/** What the running process can be asked for. */
export interface Controlled {
	status(): Status;
	backup(orders: z.infer<typeof backupOrders>): Promise<CycleReport>;
	restore(orders: z.infer<typeof restoreOrders>): Promise<CycleReport>;
}

/**
 * Answers other commands of the same data directory over a Unix socket that only this user can open (0600 in a 0700
 * directory). The caller holds the data directory's lock, so a socket that is there is a dead process's.
 * @returns how to close it.
 */
export async function serveControl(path: string, controlled: Controlled): Promise<() => Promise<void>> {
	const app = new Hono();
	app.use(bodyLimit({ maxSize: BODY_BYTES_MAX }));
	app.get('/status', (context) => context.json(controlled.status()));
	app.post('/backup', async (context) => {
		return context.json(await controlled.backup(backupOrders.parse(await context.req.json())));
	});
	app.post('/restore', async (context) => {
		return context.json(await controlled.restore(restoreOrders.parse(await context.req.json())));
	});
	app.onError((error, context) => {
		if (error instanceof z.ZodError)
			return context.json({ error: { code: 'refused', message: z.prettifyError(error), hint: null } }, 400);
		if (!isReplicatorError(error)) throw error;
		return context.json(
			{ error: { code: error.code, message: error.message, hint: error.hint ?? null } },
			409,
		);
	});
	const server = createAdaptorServer({ fetch: app.fetch });
	await rm(path, { force: true });
	await withSocketPath(path, (usablePath) => {
		return new Promise<void>((resolve, reject) => {
			server.once('error', reject);
			server.listen(usablePath, () => {
				server.off('error', reject);
				resolve();
			});
		});
	});
	await chmod(path, 0o600);
	return async () => {
		await new Promise<void>((resolve) => {
			server.close(() => resolve());
			if ('closeAllConnections' in server) server.closeAllConnections();
		});
		await rm(path, { force: true });
	};
}
