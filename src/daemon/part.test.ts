import { expect, test, vi } from 'vitest';
import { ReplicatorError } from '../model/replicator-error.ts';
import { Part } from './part.ts';
import { Troubles } from './status/troubles.ts';

const silent = { debug() {}, info() {}, warning() {}, error() {} };

function makePart(attempts: readonly (string | ReplicatorError | Error)[]) {
	const told: string[] = [];
	const troubles = new Troubles({
		log: silent,
		onTrouble: (part, { code }) => void told.push(`${part} ${code}`),
		onOver: (part) => void told.push(`${part} is over`),
	});
	const open = vi.fn(async () => {
		const next = attempts[open.mock.calls.length - 1] ?? attempts.at(-1) ?? '';
		if (typeof next !== 'string') throw next;
		return next;
	});
	const ending = new AbortController();
	const part = new Part({ name: 'http', open, troubles, signal: ending.signal });
	return { part, open, troubles, told, ending };
}

const full = new ReplicatorError('the disk is full', {
	code: 'disk-full',
	hint: 'Free some space.',
	isRetryable: true,
});

test('it is tried again until it is there, and its trouble is shown and told until then', async () => {
	const { part, open, troubles, told } = makePart([full, full, 'open']);

	const opened = part.open();
	await part.attempted;
	expect(part).toMatchObject({ opened: null, failure: full });
	expect(troubles.all).toEqual([
		{
			part: 'http',
			code: 'disk-full',
			message: 'the disk is full',
			hint: 'Free some space.',
			since: expect.any(String),
			retryAt: expect.any(String),
		},
	]);
	while (part.opened === null) {
		part.wake();
		await new Promise((resolve) => setImmediate(resolve));
	}

	expect(await opened).toBe('open');
	expect(open).toHaveBeenCalledTimes(3);
	expect(part.failure).toBeNull();
	expect(troubles.all).toEqual([]);
	expect(told).toEqual(['http disk-full', 'http is over']);
});

test('a configuration that only a restart can change is not tried again', async () => {
	const broken = new ReplicatorError('REPLICATOR_MODE: "x" is unknown', { code: 'configuration-invalid' });
	const { part, open, troubles } = makePart([broken]);

	expect(await part.open()).toBeNull();

	expect(open).toHaveBeenCalledTimes(1);
	expect(troubles.of('http')).toMatchObject({ code: 'configuration-invalid', retryAt: null });
});

test('a bug is a trouble like any other, without its own words', async () => {
	const { part, troubles, ending } = makePart([new TypeError('the password is hunter2')]);

	const opened = part.open();
	await part.attempted;
	ending.abort();

	expect(await opened).toBeNull();
	expect(troubles.of('http')?.code).toBe('bug');
	expect(JSON.stringify(troubles.all)).not.toContain('hunter2');
});

test('to open it again while it is being tried adds nothing to that, and opens it once more after that', async () => {
	const { part, open } = makePart([full, full, 'open', 'once more']);

	const opened = [part.open(), part.open(), part.open()];
	await part.attempted;
	await new Promise((resolve) => setImmediate(resolve));
	expect(open).toHaveBeenCalledTimes(1);
	while (part.opened === null) {
		part.wake();
		await new Promise((resolve) => setImmediate(resolve));
	}

	expect(await Promise.all(opened)).toEqual(['open', 'open', 'open']);
	expect(open).toHaveBeenCalledTimes(3);
	expect(await part.open()).toBe('once more');
});

test('where everything has ended already, nothing is tried, and nobody waits for it', async () => {
	const { part, open, ending } = makePart(['open']);
	ending.abort();

	expect(await part.open()).toBeNull();
	await part.attempted;

	expect(open).not.toHaveBeenCalled();
});
