import { expect, test } from 'vitest';
import type { RowChange } from '../model/plan.ts';
import { forgetSteps } from './find-history.ts';

test('what may be left under the ids of a thousand new monitors goes in one step a table', () => {
	const tables = [
		{ table: 'heartbeat', column: 'monitor_id', isCascaded: true },
		{ table: 'notification_sent_history', column: 'monitor_id', isCascaded: false },
	];
	const changes = Array.from({ length: 1_000 }, (_, id): RowChange => {
		return { table: 'monitor', key: [id], title: `${id}`, kind: 'added', columns: [] };
	});

	const steps = forgetSteps({ tables, isSliceable: true }, changes);

	expect(steps).toMatchObject([{ kind: 'forget', table: 'notification_sent_history', monitor: 'added' }]);
	expect(steps.flatMap((step) => (step.kind === 'forget' ? step.keys : []))).toHaveLength(1_000);
});
