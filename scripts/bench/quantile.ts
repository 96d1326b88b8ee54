/** @returns the smallest of the values that is not below so large a share of them. */
export function quantile(values: readonly number[], share: number): number {
	const sorted = values.toSorted((a, b) => a - b);
	const found = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
	if (found === undefined) throw new Error('there are no values');
	return found;
}
