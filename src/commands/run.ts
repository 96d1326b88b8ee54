import type { Command } from 'commander';
import { Service } from '../daemon/service.ts';
import { locateKuma, readInstallation } from '../kuma/installation.ts';
import { DEFAULT_KUMA_COMMAND } from '../kuma/kuma-process.ts';
import { openContext } from './open-context.ts';

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

Exit codes: 0 stopped as told, 2 the configuration is not usable, 4 another replicator-kuma has the data directory,
5 Kuma could not be started or stopped, 1 failed.

Examples:
  $ replicator-kuma run
  $ REPLICATOR_MODE=BACKUP replicator-kuma run -- node server/server.js --port=3002
  $ kill -USR1 "$(pidof -s replicator-kuma)"`,
		)
		.action(async (words: string[]) => {
			const { config, log } = openContext({ needsRepository: true });
			const command = words.length === 0 ? DEFAULT_KUMA_COMMAND : words;
			const cwd = process.cwd();
			const kuma = await readInstallation(locateKuma({ command, cwd }));
			const stop = new AbortController();
			const service = new Service({ config, log, command, cwd, kuma, signal: stop.signal });
			for (const signal of STOP_SIGNALS) {
				process.on(signal, () => {
					if (!stop.signal.aborted) log.info('Stopping', { signal });
					stop.abort();
				});
			}
			for (const signal of FORWARDED_SIGNALS) process.on(signal, () => service.forward(signal));
			process.on('SIGUSR1', () => {
				log.info('Asked for a cycle', { signal: 'SIGUSR1' });
				service.wake();
			});
			await service.run();
		});
}
