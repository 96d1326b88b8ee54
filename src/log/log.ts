import { configureSync, getLogger, type LogRecord } from '@logtape/logtape';
import type { Log, LogFormat, LogLevel } from '../model/log.ts';
import { formatJsonLine, formatTextLine, type LogEntry } from './log-lines.ts';

export interface LogOptions {
	readonly level: LogLevel;
	readonly format: LogFormat;
	/** Where lines go; stderr unless given, so that stdout is a command's own. */
	readonly stream?: { write(text: string): unknown; readonly isTTY?: boolean };
	/** Whether NO_COLOR is set. */
	readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Sets the process's log up, in place of the one before. Every entry becomes one line without control characters
 * and without registered secrets. Stacks are written for bugs; for a ReplicatorError only at the level `debug`.
 */
export function createLog(options: LogOptions): Log {
	const stream = options.stream ?? process.stderr;
	const { NO_COLOR: noColor } = options.env ?? process.env;
	const hasColors = stream.isTTY === true && !noColor;
	const hasStacks = options.level === 'debug';
	const write = (record: LogRecord) => {
		const entry = entryOf(record);
		const line =
			options.format === 'json'
				? formatJsonLine(entry, { hasStacks })
				: formatTextLine(entry, { hasColors, hasStacks });
		stream.write(`${line}\n`);
	};
	configureSync({
		reset: true,
		sinks: { stream: write },
		loggers: [
			{ category: 'replicator', lowestLevel: options.level, sinks: ['stream'] },
			{ category: ['logtape', 'meta'], lowestLevel: 'warning', sinks: ['stream'] },
		],
	});
	const logger = getLogger('replicator');
	return {
		debug: (message, fields = {}) => logger.debug(message, fields),
		info: (message, fields = {}) => logger.info(message, fields),
		warning: (message, fields = {}) => logger.warning(message, fields),
		error: (message, fields = {}) => logger.error(message, fields),
	};
}

function entryOf(record: LogRecord): LogEntry {
	const { level } = record;
	return {
		timeMs: record.timestamp,
		level: level === 'trace' ? 'debug' : level === 'fatal' ? 'error' : level,
		// As it was given: our messages are no templates, and a brace in one is only a brace.
		message: typeof record.rawMessage === 'string' ? record.rawMessage : record.message.join(''),
		fields: record.properties,
	};
}
