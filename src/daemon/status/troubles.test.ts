import { expect, test } from 'vitest';
import { asFailure } from '../../log/as-failure.ts';
import { registerSecret } from '../../log/secrets.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import { Troubles } from './troubles.ts';

function makeTroubles() {
	const lines: string[] = [];
	const told: string[] = [];
	const logged: unknown[] = [];
	const write = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
		lines.push(`${level} ${message}`);
		logged.push(fields?.error);
	};
	const troubles = new Troubles({
		log: {
			debug: write('debug'),
			info: write('info'),
			warning: write('warning'),
			error: write('error'),
		},
		onTrouble: (part, { code }) => void told.push(`${part}: ${code}`),
		onOver: (part) => void told.push(`${part}: over`),
	});
	return { troubles, lines, logged, told };
}

const trouble = (message: string, code: 'file-access' | 'disk-full' = 'file-access') =>
	new ReplicatorError(message, { code, hint: 'Do something.' });

test('a trouble is notified once as long as it is of the same kind, and so is its end', () => {
	const { troubles, lines, told } = makeTroubles();

	for (let attempt = 0; attempt < 100; attempt += 1)
		troubles.report('http', trouble('the same'), { retryInMs: 1_000 });
	troubles.report('http', trouble('in other words'), { retryInMs: 1_000 });
	troubles.report('http', trouble('another one', 'disk-full'), { retryInMs: null });
	troubles.clear('http');
	troubles.clear('http');

	expect(told).toEqual(['http: file-access', 'http: disk-full', 'http: over']);
	expect(lines.filter((line) => line.startsWith('error'))).toHaveLength(3);
	expect(troubles.all).toEqual([]);
});

test('since when it lasts does not change with every attempt, and no secret is shown', () => {
	const { troubles } = makeTroubles();
	registerSecret('sesame-open-up');

	troubles.report('http', trouble('at http://u:sesame-open-up@host'), { retryInMs: 1_000 });
	const first = troubles.of('http');
	troubles.report('http', trouble('at http://u:sesame-open-up@host'), { retryInMs: null });

	expect(first).toMatchObject({ message: 'at http://u:***@host', hint: 'Do something.' });
	expect(troubles.of('http')).toEqual({ ...first, retryAt: null });
	expect(Date.parse(first?.retryAt ?? '') - Date.parse(first?.since ?? '')).toBeGreaterThanOrEqual(1_000);
});

test('a bug is logged as it was thrown, with its stack, and shown without its words', () => {
	const { troubles, logged } = makeTroubles();
	const bug = new TypeError('the password is hunter2');

	troubles.report('replication', asFailure(bug), { retryInMs: 1_000 });

	expect(logged).toEqual([bug]);
	expect(logged[0]).toBe(bug);
	expect(JSON.stringify(troubles.all)).not.toContain('hunter2');
});
