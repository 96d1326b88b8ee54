import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KumaClient } from '../kit/kuma-client.ts';
import type { Replicator } from '../kit/replicator.ts';
import { waitFor } from '../kit/wait-for.ts';
import { PASSWORD, SOON_MS, startWatchedFleet, type WatchedFleet } from '../kit/watched-fleet.ts';

const CHANGED = 'changed-12345';

describe('who may in changes in a running replica', () => {
	let watched: WatchedFleet;

	beforeAll(async () => {
		watched = await startWatchedFleet();
	});
	afterAll(async () => watched?.discard());

	async function metrics({ url }: Replicator, key: string): Promise<number> {
		const response = await fetch(`${url}/metrics`, {
			headers: { authorization: `Basic ${Buffer.from(`:${key}`).toString('base64')}` },
		});
		await response.body?.cancel();
		return response.status;
	}

	async function expectMetrics(key: string, status: number) {
		for (const { name, replicator } of watched.replicas)
			expect(await metrics(replicator, key), name).toBe(status);
	}

	test('the first API key opens at once, and none that is switched off or deleted', async () => {
		let key = { id: 0, key: '' };
		// Kuma keeps for a minute or two that there are no API keys.
		await expectMetrics('uk1_not-a-key', 401);

		await watched.change(async (leader) => {
			key = await leader.addApiKey({ name: 'Prometheus' });
		});
		await expectMetrics(key.key, 200);
		for (const { page } of watched.replicas) {
			const list = page.takePushes().findLast(({ event }) => event === 'apiKeyList')?.values[0];
			expect(list).toEqual([expect.objectContaining({ id: key.id, name: 'Prometheus' })]);
		}

		await watched.change((leader) => leader.call('disableAPIKey', key.id));
		await expectMetrics(key.key, 401);

		await watched.change((leader) => leader.call('enableAPIKey', key.id));
		await expectMetrics(key.key, 200);

		await watched.change((leader) => leader.deleteApiKey(key.id));
		await expectMetrics(key.key, 401);
		expect(await watched.troubles()).toEqual([]);
	});

	test('a changed password throws out who is logged in, and only the new one opens', async () => {
		for (const { page } of watched.replicas) expect(page.isConnected).toBe(true);

		await watched.change((leader) =>
			leader.call('changePassword', { currentPassword: PASSWORD, newPassword: CHANGED }),
		);

		for (const { page, name, replicator } of watched.replicas) {
			await waitFor(() => !page.isConnected, { timeoutMs: SOON_MS, what: `the end of a page on ${name}` });
			expect(page.takePushes().map(({ event }) => event)).toContain('refresh');
			await expect(logIn(replicator, PASSWORD)).rejects.toThrow('refuses login');
		}
		await watched.openPages(CHANGED);
		expect(await watched.troubles()).toEqual([]);
	});

	test('a second factor is asked for as soon as the leader asks for one, and nobody is thrown out', async () => {
		let secret = '';
		await watched.change(async (leader) => {
			const { uri } = await leader.call('prepare2FA', CHANGED);
			secret = new URL(String(uri)).searchParams.get('secret') ?? '';
			await leader.call('save2FA', CHANGED);
		});

		for (const { page, replicator } of watched.replicas) {
			expect(page.isConnected).toBe(true);
			await expect(logIn(replicator, CHANGED)).rejects.toThrow('tokenRequired');
			await logIn(replicator, CHANGED, oneTimePassword(secret));
		}

		await watched.change((leader) => leader.call('disable2FA', CHANGED));
		for (const { replicator } of watched.replicas) await logIn(replicator, CHANGED);
		expect(await watched.troubles()).toEqual([]);
	});
});

async function logIn({ url }: Replicator, password: string, token = ''): Promise<void> {
	const client = await KumaClient.connect(url);
	try {
		await client.call('login', { username: 'admin', password, token });
	} finally {
		client.close();
	}
}

/** RFC 6238, with SHA-1, six digits and half a minute. */
function oneTimePassword(secret: string): string {
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
	const hash = createHmac('sha1', fromBase32(secret)).update(counter).digest();
	const offset = (hash.at(-1) ?? 0) & 0xf;
	return String((hash.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

function fromBase32(encoded: string): Buffer {
	const bits = [...encoded]
		.map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
		.join('');
	const bytes = bits.match(/[01]{8}/g) ?? [];
	return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}
