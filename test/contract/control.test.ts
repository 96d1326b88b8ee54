import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { controlClient } from '../../src/http/control-client.ts';
import { type Controlled, serveControl } from '../../src/http/control-server.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import { recordLog } from '../kit/record-log.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { testStatus } from '../kit/test-status.ts';

const REPORT = {
	outcome: 'published',
	summary: 'Published.',
	needsDecision: false,
	details: [],
	heldRows: [],
	snapshotId: null,
	stages: {},
};
const ORDERS = { takesOver: true, allowsDeletes: false, dropsHeld: ['monitor 1'] };

async function controlled(actions: Partial<Controlled> = {}) {
	const path = join(await temporaryDirectory('control'), 'control.sock');
	const recorded = recordLog();
	const orders: unknown[] = [];
	const work = async (given: unknown) => {
		orders.push(given);
		return REPORT;
	};
	const close = await serveControl(
		path,
		{ status: () => testStatus(), backup: work, restore: work, ...actions },
		recorded.log,
	);
	onTestFinished(close);
	return { ...recorded, path, orders, client: controlClient(path) };
}

/** Posts what no client of ours does. */
async function post(socketPath: string, route: string, body: string) {
	return new Promise<{ status: number | undefined; answer: unknown }>((resolve, reject) => {
		request({ socketPath, method: 'POST', path: route }, (response) => {
			text(response).then(
				(answer) => resolve({ status: response.statusCode, answer: JSON.parse(answer) }),
				reject,
			);
		})
			.on('error', reject)
			.end(body);
	});
}

test('what a command orders is carried out, and its report comes back', async () => {
	const { client, orders } = await controlled();

	expect(await client.status()).toEqual(testStatus());
	expect(await client.backup(ORDERS)).toEqual(REPORT);
	expect(orders).toEqual([ORDERS]);
});

test('a failure arrives as the failure that it is, with its way out', async () => {
	const failure = new ReplicatorError('Another leader publishes.', { code: 'refused', hint: 'Ask it.' });
	const { client } = await controlled({ backup: () => Promise.reject(failure) });

	await expect(client.backup(ORDERS)).rejects.toMatchObject({
		code: 'refused',
		message: 'Another leader publishes.',
		hint: 'Ask it.',
	});
});

test('a bug is told by its kind alone, logged with all that is known, and answered like anything else', async () => {
	const { client, lines } = await controlled({
		backup: () => Promise.reject(new TypeError('x of undefined')),
	});

	await expect(client.backup(ORDERS)).rejects.toMatchObject({
		code: 'bug',
		message: expect.stringMatching(/\(TypeError\)\.$/),
	});
	expect(lines).toEqual([expect.stringContaining('TypeError: x of undefined')]);
	expect(await client.status()).toEqual(testStatus());
});

test.each([
	['/backup', '{}', 400],
	['/backup', 'no JSON', 400],
	['/restore', JSON.stringify({ snapshotId: 'x'.repeat(1_000) }), 400],
	['/backup', JSON.stringify({ ...ORDERS, dropsHeld: ['x'.repeat(100_000)] }), 409],
	['/nothing', '{}', 404],
])('%s with orders that are none is refused, and nothing is done', async (route, body, status) => {
	const { path, orders } = await controlled();

	const refused = await post(path, route, body);

	expect(refused).toMatchObject({ status, answer: { error: { code: 'refused' } } });
	expect(orders).toEqual([]);
});

test('where nobody runs there is no status, and everything else says what to start', async () => {
	const client = controlClient(join(await temporaryDirectory('control'), 'control.sock'));

	expect(await client.status()).toBeNull();
	await expect(client.backup(ORDERS)).rejects.toMatchObject({ code: 'control-unreachable' });
});
