import { chmod, rm, unlink } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import Router from 'router';
import * as z from 'zod';
import { fileError } from '../files/file-error.ts';
import { asFailure } from '../log/as-failure.ts';
import type { Log } from '../model/log.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import type { CycleReport, Status } from '../model/status.ts';
import { withSocketPath } from '../wire/socket-path.ts';

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
 * @throws ReplicatorError `file-access` or `disk-full` when it cannot listen there.
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
	const close = async () => {
		await new Promise<void>((resolve) => {
			server.close(() => resolve());
			server.closeAllConnections();
		});
		await rm(path, { force: true }).catch(() => undefined);
	};
	try {
		await removeSocket(path);
		await withSocketPath(path, (usablePath) => listenAt(server, usablePath));
		await chmod(path, 0o600);
	} catch (cause) {
		await close();
		throw fileError({ path, verb: 'listen at', cause });
	}
	// Such as that there is no file to open left for a connection.
	server.on('error', (error) => log.warning('The control socket is in trouble', { error }));
	return close;
}

async function removeSocket(path: string): Promise<void> {
	try {
		await unlink(path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
	}
}

function listenAt(server: Server, path: string): Promise<void> {
	return new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen(path, () => {
			server.off('error', reject);
			resolve();
		});
	});
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
		const message =
			error instanceof z.ZodError ? z.prettifyError(error) : 'The request body is not valid JSON.';
		send(response, 400, { error: { code: 'refused', message, hint: null } });
	} else if (error === undefined || error === null) {
		send(response, 404, { error: { code: 'refused', message: 'Not found.', hint: null } });
	} else {
		const { code, message, hint = null } = asFailure(error);
		if (code === 'bug') log.error('A command could not be carried out because of a bug', { error });
		send(response, code === 'bug' ? 500 : 409, { error: { code, message, hint } });
	}
}

function send(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
