import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import Router from 'router';
import * as z from 'zod';
import { asFailure } from '../daemon/as-failure.ts';
import type { Log } from '../model/log.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
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
export async function serveControl(
	path: string,
	controlled: Controlled,
	log: Log,
): Promise<() => Promise<void>> {
	const routes = new Router();
	routes.get('/status', (_request, response) => send(response, 200, controlled.status()));
	routes.post('/backup', async (request, response) => {
		send(response, 200, await controlled.backup(backupOrders.parse(await readOrders(request))));
	});
	routes.post('/restore', async (request, response) => {
		send(response, 200, await controlled.restore(restoreOrders.parse(await readOrders(request))));
	});
	const server = createServer((request, response) =>
		routes(request, response, (error) => sendFailure(response, error, log)),
	);
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
			server.closeAllConnections();
		});
		await rm(path, { force: true });
	};
}

/** @throws ReplicatorError `refused` for what is too long, before it is read. */
async function readOrders(request: IncomingMessage): Promise<unknown> {
	// Node reads no more than was announced.
	const length = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY);
	if (length <= BODY_BYTES_MAX) return json(request);
	throw new ReplicatorError(`Orders over the control socket have ${BODY_BYTES_MAX} bytes at most.`, {
		code: 'refused',
	});
}

function sendFailure(response: ServerResponse, error: unknown, log: Log): void {
	if (error instanceof z.ZodError || error instanceof SyntaxError) {
		const message = error instanceof z.ZodError ? z.prettifyError(error) : 'These orders are no JSON.';
		send(response, 400, { error: { code: 'refused', message, hint: null } });
	} else if (error === undefined || error === null) {
		send(response, 404, { error: { code: 'refused', message: 'There is nothing here.', hint: null } });
	} else {
		const { code, message, hint = null } = asFailure(error);
		if (code === 'bug') log.error('A command could not be carried out because of a bug', { error });
		send(response, code === 'bug' ? 500 : 409, { error: { code, message, hint } });
	}
}

function send(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
