import type { Kuma } from '../kuma/kuma.ts';

/**
 * Kuma fixes the labels of its metrics when it starts. With a tag that came later, a monitor would be refused by all of
 * them, and be gone from the metrics.
 */
export async function addMetricLabels({ beans, Prometheus, metrics }: Kuma): Promise<void> {
	const tags = (await beans?.find?.('tag', ' 1 = 1 ', [])) ?? [];
	const labels = tags
		.map(({ name }) => Prometheus?.sanitizeForPrometheus?.(String(name)) ?? '')
		.filter((label) => label !== '');
	for (const metric of metrics?.register?.getMetricsAsArray?.() ?? []) {
		if (metric.name?.startsWith('monitor_') && metric.labelNames !== undefined)
			metric.labelNames = [...new Set([...metric.labelNames, ...labels])];
	}
}
