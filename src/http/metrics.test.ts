import { expect, test } from 'vitest';
import { testStatus } from '../../test/kit/test-status.ts';
import type { Status } from '../model/status.ts';
import { createMetrics } from './metrics.ts';

const STATUS = testStatus({
	applied: { id: 'a'.repeat(64), generation: 7, digest: 'b'.repeat(64) },
	heldRows: [{ table: 'monitor', key: '1', title: 'secret-title', how: 'held', reason: 'secret-reason' }],
	lastSuccessAt: '2026-11-24T10:00:00.000Z',
});

function setUp(change: Partial<Status> = {}) {
	let status: Status = { ...STATUS, ...change };
	const metrics = createMetrics({ status: () => status, eventClientCount: () => 3 });
	const lines = async () => (await metrics.render()).split('\n');
	return { metrics, lines, setStatus: (next: Status) => (status = next) };
}

test('what the status tells is told as it is when somebody asks', async () => {
	const { lines, setStatus } = setUp();

	const before = await lines();
	setStatus({ ...STATUS, lagMs: 1500, kuma: { ...STATUS.kuma, restarts: 5, state: 'stopped' } });
	const after = await lines();

	expect(before).toContain('replicator_kuma_last_success_timestamp_seconds 1795514400');
	expect(before).toContain('replicator_kuma_applied_generation 7');
	expect(before).toContain('replicator_kuma_held_rows 1');
	expect(before).toContain('replicator_kuma_event_clients 3');
	expect(before).toContain('replicator_kuma_kuma_restarts_total 2');
	expect(before).toContain('replicator_kuma_kuma_running 1');
	expect(after).toContain('replicator_kuma_lag_seconds 1.5');
	expect(after).toContain('replicator_kuma_kuma_restarts_total 5');
	expect(after).toContain('replicator_kuma_kuma_running 0');
});

test('whether the leader is heard is told where somebody listens to it', async () => {
	const { lines, setStatus } = setUp();
	const value = async () =>
		(await lines()).find((line) => line.startsWith('replicator_kuma_leader_connected'));
	const leader = { url: 'http://leader', isConnected: true, reason: null };

	const alone = await value();
	setStatus({ ...STATUS, leader });
	const heard = await value();
	setStatus({ ...STATUS, leader: { ...leader, isConnected: false, reason: 'it is silent' } });

	expect([alone, heard, await value()]).toEqual([
		undefined,
		'replicator_kuma_leader_connected 1',
		'replicator_kuma_leader_connected 0',
	]);
});

test('what is not known has no value, from the start and again later', async () => {
	const { lines, setStatus } = setUp();
	const values = async () => (await lines()).filter((line) => line.startsWith('replicator_kuma_lag_seconds'));

	const unknown = await values();
	setStatus({ ...STATUS, lagMs: 0 });
	const known = await values();
	setStatus(STATUS);

	expect([unknown, known, await values()]).toEqual([[], ['replicator_kuma_lag_seconds 0'], []]);
});

test('cycles, calls of restic, changes and reloads are counted, with their durations', async () => {
	const { metrics, lines } = setUp();

	metrics.observeCycle({ outcome: 'applied', durationMs: 2000, stages: { poll: 400, plan: 20 } });
	metrics.observeCycle({ outcome: 'applied', durationMs: 1000, stages: { poll: 600 } });
	metrics.observeResticCall({ command: 'snapshots', outcome: 'succeeded', durationMs: 400 });
	metrics.observeApply([
		{ table: 'monitor', kind: 'added' },
		{ table: 'monitor', kind: 'added' },
		{ table: 'tag', kind: 'removed' },
	]);
	metrics.observeReload({ outcome: 'reloaded', startedMonitors: 1, durationMs: 500 });
	metrics.observeReload({ outcome: 'restarted', reason: 'x', blindMs: 8000 });
	const shown = await lines();

	expect(shown).toContain('replicator_kuma_cycle_duration_seconds_count{outcome="applied"} 2');
	expect(shown).toContain('replicator_kuma_cycle_duration_seconds_sum{outcome="applied"} 3');
	expect(shown).toContain('replicator_kuma_stage_duration_seconds_sum{stage="poll"} 1');
	expect(shown).toContain('replicator_kuma_stage_duration_seconds_count{stage="poll"} 2');
	expect(shown).toContain('replicator_kuma_stage_duration_seconds_sum{stage="plan"} 0.02');
	expect(shown).toContain(
		'replicator_kuma_restic_call_duration_seconds_bucket{le="0.5",command="snapshots",outcome="succeeded"} 1',
	);
	expect(shown).toContain('replicator_kuma_applied_changes_total{table="monitor",kind="added"} 2');
	expect(shown).toContain('replicator_kuma_applied_changes_total{table="tag",kind="removed"} 1');
	expect(shown).toContain('replicator_kuma_reloads_total{outcome="reloaded"} 1');
	expect(shown).toContain('replicator_kuma_reload_duration_seconds_sum 0.5');
	expect(shown).toContain('replicator_kuma_blind_seconds_total 8');
});

test('rows are those of the last snapshot alone', async () => {
	const { metrics, lines } = setUp();

	metrics.observeRows([
		{ name: 'monitor', rowCount: 50 },
		{ name: 'proxy', rowCount: 1 },
	]);
	metrics.observeRows([{ name: 'monitor', rowCount: 51 }]);

	expect((await lines()).filter((line) => line.startsWith('replicator_kuma_rows{'))).toEqual([
		'replicator_kuma_rows{table="monitor"} 51',
	]);
});

test('everything is OpenMetrics, however often it is asked for, and names no row', async () => {
	const { metrics, lines } = setUp();
	metrics.observeApply([{ table: 'monitor', kind: 'added' }]);

	await lines();
	const shown = await lines();

	expect(metrics.contentType).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
	expect(shown.slice(-2)).toEqual(['# EOF', '']);
	expect(shown.join('\n')).not.toContain('secret-');
	const types = new Map<string, string>();
	for (const line of shown.slice(0, -2)) {
		const [, name, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
		if (name !== undefined && type !== undefined) {
			expect(types.has(name), name).toBe(false);
			types.set(name, type);
			// In OpenMetrics the name of a counter is without the ending that its values have.
			if (type === 'counter') expect(name).not.toMatch(/_total$/);
		} else if (!line.startsWith('# HELP ')) {
			expect(line).toMatch(/^[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? -?[0-9.]+(e[+-]?\d+)?$/);
			const family = /^([a-z_]+?)(?:_total|_bucket|_sum|_count)?[{ ]/.exec(line)?.[1] ?? '';
			expect(types.has(family) || types.has(line.split(/[{ ]/)[0] ?? ''), line).toBe(true);
		}
	}
});
