import type { Command } from 'commander';
import { configurationError } from '../config/load-config.ts';
import { runService, type ServiceControls } from '../daemon/service.ts';
import { hasRunBefore } from '../instance/state-folder/data-directory.ts';
import { locateKuma } from '../kuma/installation.ts';
import { DEFAULT_KUMA_COMMAND } from '../kuma/kuma-process.ts';
import { openGround, readConfiguration } from './opening/open-context.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Kuma may know what to do with these; SIGUSR1 is ours. */
const FORWARDED_SIGNALS = ['SIGHUP', 'SIGUSR2', 'SIGWINCH', 'SIGCONT'] as const;

export function addRunCommand(program: Command): void {
	program
		.command('run')
		.description('start Uptime Kuma, keep it running, and replicate as REPLICATOR_MODE says')
		.argument('[command...]', `how to start Kuma, after "--" (default: ${DEFAULT_KUMA_COMMAND.join(' ')})`)
		.addHelpText(
			'after',
			`
Signals: SIGTERM and SIGINT stop Kuma and this program in order, SIGUSR1 starts a cycle now, others go on to Kuma.

Exit codes: 0 stopped as told, 2 the configuration is not usable at the first start, 4 another replicator-kuma has the data directory,
5 Kuma could not be started or stopped, 1 failed.

Examples:
  $ replicator-kuma run
  $ REPLICATOR_MODE=BACKUP replicator-kuma run -- node server/server.js --port=3002
  $ kill -USR1 "$(pidof -s replicator-kuma)"`,
		)
		.action(async (words: string[]) => {
			const { loaded, log, paths } = openGround({ needsRepository: true });
			// Whoever starts this for the first time sees what is wrong and corrects it. Where an instance has run before, it may
			// be somebody's monitoring that nobody looks at now.
			if (loaded.config === null && !(await hasRunBefore(paths))) throw configurationError(loaded);
			for (const { variable, message } of loaded.warnings) log.warning(message, { variable });
			const command = words.length === 0 ? DEFAULT_KUMA_COMMAND : words;
			const cwd = process.cwd();
			const stop = new AbortController();
			let controls: ServiceControls | null = null;
			for (const signal of STOP_SIGNALS) {
				process.on(signal, () => {
					if (!stop.signal.aborted) log.info('Stopping', { signal });
					stop.abort();
				});
			}
			for (const signal of FORWARDED_SIGNALS) process.on(signal, () => controls?.forward(signal));
			process.on('SIGUSR1', () => {
				log.info('Asked for a cycle', { signal: 'SIGUSR1' });
				controls?.wake();
			});
			// A log that nobody reads any more, or whose disk is full, is no reason to end.
			for (const stream of [process.stdout, process.stderr]) {
				stream.removeAllListeners('error');
				stream.on('error', () => undefined);
			}
			await runService({
				configuration: () => readConfiguration({ needsRepository: true }),
				log,
				command,
				cwd,
				kumaDirectory: locateKuma({ command, cwd }),
				signal: stop.signal,
				onControls: (made) => {
					controls = made;
				},
			});
		});
}
