import type { Log } from '../../src/model/log.ts';

/** A log whose lines begin with their level, and tell all that is known of an error: secrets must not be in them. */
export function recordLog() {
	const lines: string[] = [];
	const write = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
		const { error } = fields ?? {};
		const told = error instanceof Error ? `${error.stack}` : '';
		lines.push(`${level} ${message} ${JSON.stringify(fields)} ${told}`);
	};
	const log: Log = {
		debug: write('debug'),
		info: write('info'),
		warning: write('warning'),
		error: write('error'),
	};
	return { log, lines, warnings: () => lines.filter((line) => line.startsWith('warning')) };
}
