// Stands in for Uptime Kuma's server: listens on UPTIME_KUMA_PORT and ends on SIGTERM, unless told otherwise.
//   --listen-after-ms=N   opens its port late
//   --ignore-sigterm      has to be killed
//   --crash-after-ms=N    ends by itself with exit code 3
//   --crash-times=N       ends at once with exit code 3 the first N times; counts in the file --count-file=PATH
//   --agent               speaks as an agent that can do everything and tells of no edit, until SIGUSR2
//   --held                with --agent: opens its port when the agent is told to release it, and not before
import { appendFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { AGENT_PROTOCOL, AGENT_VARIABLE, CAPABILITIES } from '../../src/model/agent-protocol.ts';
import { NO_BEATS_YET } from '../../src/model/beat-watch.ts';

const CRASHED = 3;
const { values } = parseArgs({
	options: {
		'listen-after-ms': { type: 'string', default: '0' },
		'ignore-sigterm': { type: 'boolean', default: false },
		'crash-after-ms': { type: 'string' },
		'crash-times': { type: 'string', default: '0' },
		'count-file': { type: 'string' },
		agent: { type: 'boolean', default: false },
		held: { type: 'boolean', default: false },
	},
});

if (values['count-file'] !== undefined) {
	appendFileSync(values['count-file'], '.');
	if (statSync(values['count-file']).size <= Number(values['crash-times'])) process.exit(CRASHED);
}
const crashAfterMs = values['crash-after-ms'];
if (crashAfterMs !== undefined) setTimeout(() => process.exit(CRASHED), Number(crashAfterMs));
process.on('SIGTERM', () => {
	if (!values['ignore-sigterm']) process.exit(0);
});

const server = createServer((socket) => socket.destroy());
let phase = values.held ? 'held' : 'running';
if (!values.held) setTimeout(listen, Number(values['listen-after-ms']));
if (values.agent) speakAsAgent();

function listen() {
	server.listen(Number(process.env.UPTIME_KUMA_PORT), '127.0.0.1');
}

function release() {
	if (phase === 'held') listen();
	phase = 'running';
}

function speakAsAgent() {
	const told = process.env[AGENT_VARIABLE];
	// As any other Kuma without an agent.
	if (told === undefined) {
		if (values.held) release();
		return;
	}
	const { socketPath, fingerprint } = JSON.parse(told);
	const hello = {
		protocol: AGENT_PROTOCOL,
		productVersion: '0.0.0',
		kumaVersion: '2.3.2',
		pid: process.pid,
		fingerprint,
		capabilities: Object.fromEntries(CAPABILITIES.map((name) => [name, true])),
		problems: [],
		beats: NO_BEATS_YET,
	};
	const clients = new Set();
	const agent = createServer((socket) => {
		clients.add(socket);
		socket.on('error', () => {});
		createInterface(socket).on('line', (line) => {
			const { id, method } = JSON.parse(line);
			if (method === 'release') release();
			socket.write(`${JSON.stringify({ id, result: { ...hello, phase } })}\n`);
		});
	});
	rmSync(socketPath, { force: true });
	agent.listen(socketPath);
	process.once('SIGUSR2', () => {
		agent.close();
		for (const client of clients) client.destroy();
	});
}
