/** Says in words why there is no answer, without what messages of the system may quote: the address. */
export function connectionTrouble(error: unknown, timeoutMs: number): string {
	if (error instanceof Error && error.name === 'TimeoutError')
		return `did not answer within ${timeoutMs / 1000} s`;
	return `cannot be reached (${systemCodeOf(error)})`;
}

function systemCodeOf(error: unknown): string {
	const cause = error instanceof Error ? (error.cause ?? error) : error;
	if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
	return cause instanceof Error ? cause.name : 'unknown reason';
}
