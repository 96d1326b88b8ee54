import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { controlClient } from '../../src/control/control-client.ts';
import { type Controlled, serveControl } from '../../src/control/control-server.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import { recordLog } from '../kit/record-log.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { testStatus } from '../kit/test-status.ts';

const REPORT = {
	outcome: 'published' as const,
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

test('a process is found that moves to the first place between the look there and the look at another', async () => {
	const directory = await temporaryDirectory('control');
	const [path, standIn] = ['control.sock', 'stand-in.sock'].map((name) => join(directory, name)) as [
		string,
		string,
	];
	const asked: string[] = [];
	const leaving = createServer((request, response) => {
		asked.push(request.url ?? '');
		const actions = { status: () => testStatus(), backup: async () => REPORT, restore: async () => REPORT };
		void serveControl(path, actions, recordLog().log).then((close) => {
			onTestFinished(close);
			response.destroy();
		});
	}).listen(standIn);
	onTestFinished(() => void leaving.close());
	await once(leaving, 'listening');

	expect(await controlClient(path, standIn).status()).toEqual(testStatus());
	expect(asked).toEqual(['/status']);
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

describe('a running process that takes the connection, and does not answer', () => {
	beforeEach(() => {
		vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
		// Node's own timeouts are no timers that could be faked.
		vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
			const timeout = new AbortController();
			setTimeout(() => timeout.abort(new DOMException('too late', 'TimeoutError')), ms);
			return timeout.signal;
		});
	});
	afterEach(() => {
		vi.restoreAllMocks();
		vi.useRealTimers();
	});

	async function silentProcess() {
		const path = join(await temporaryDirectory('control'), 'control.sock');
		const asked = Promise.withResolvers<void>();
		const server = createServer(() => asked.resolve()).listen(path);
		await once(server, 'listening');
		onTestFinished(() => {
			server.closeAllConnections();
			server.close();
		});
		return { client: controlClient(path), asked: asked.promise };
	}

	test('is waited for some seconds for its status', async () => {
		const { client, asked } = await silentProcess();

		const status = expect(client.status()).rejects.toMatchObject({ code: 'control-silent' });
		await asked;
		await vi.advanceTimersByTimeAsync(10_000);

		await status;
	});

	test('is waited for longer than two turns for an order, which may still be carried out', async () => {
		const { client, asked } = await silentProcess();
		const onEnd = vi.fn();

		const ordered = client.backup(ORDERS);
		ordered.catch(onEnd);
		await asked;
		await vi.advanceTimersByTimeAsync(2 * (15 * 60_000 + 15_000));

		expect(onEnd).not.toHaveBeenCalled();
		await vi.advanceTimersByTimeAsync(5 * 60_000);
		await expect(ordered).rejects.toMatchObject({
			code: 'control-silent',
			hint: expect.stringContaining('may still be carried out'),
		});
	});
});
