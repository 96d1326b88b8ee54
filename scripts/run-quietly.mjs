import { spawn } from 'node:child_process';

const OUTPUT_MAX_CHARACTERS = 200_000;
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a program that takes long and says much: one line of progress on stderr, the program's output only on failure.
 * @param {string} title what is being done, as the line says it
 * @param {string[]} command
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs: number }} options
 */
export async function runQuietly(title, [program, ...parameters], { timeoutMs, ...options }) {
	const startedAt = Date.now();
	const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
	const { isTTY } = process.stderr;
	const show = () => process.stderr.write(`\r${title} … ${seconds()} `);
	process.stderr.write(isTTY ? '' : `${title} …\n`);
	const ticker = isTTY ? setInterval(show, 1000) : undefined;
	if (isTTY) show();

	let output = '';
	const child = spawn(program, parameters, {
		...options,
		stdio: ['ignore', 'pipe', 'pipe'],
		timeout: timeoutMs,
	});
	// Who stops us must not leave an installation behind that goes on by itself.
	const forward = (signal) => child.kill(signal);
	for (const signal of STOP_SIGNALS) process.on(signal, forward);
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (text) => {
			output = (output + text).slice(-OUTPUT_MAX_CHARACTERS);
		});
	}
	try {
		await new Promise((resolve, reject) => {
			child.once('error', reject);
			child.once('close', (code, signal) =>
				code === 0
					? resolve()
					: reject(new Error(`${program} ended with ${signal ?? code} after ${seconds()}`)),
			);
		});
	} catch (error) {
		process.stderr.write(`\n${output}\n`);
		throw new Error(`${title}: ${error.message}`, { cause: error });
	} finally {
		clearInterval(ticker);
		for (const signal of STOP_SIGNALS) process.off(signal, forward);
	}
	process.stderr.write(isTTY ? `\r${title}: ${seconds()}   \n` : `${title}: done in ${seconds()}\n`);
}
