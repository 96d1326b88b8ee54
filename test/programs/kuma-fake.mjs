// Stands in for Uptime Kuma's server: listens on UPTIME_KUMA_PORT and ends on SIGTERM, unless told otherwise.
//   --listen-after-ms=N   opens its port late
//   --ignore-sigterm      has to be killed
//   --crash-after-ms=N    ends by itself with exit code 3
//   --crash-times=N       ends at once with exit code 3 the first N times; counts in the file --count-file=PATH
//   --agent               speaks as an agent that can do everything and tells of no edit, until SIGUSR2
import { appendFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { AGENT_PROTOCOL, AGENT_VARIABLE, CAPABILITIES } from '../../src/model/agent-protocol.ts';

const CRASHED = 3;
const { values } = parseArgs({
	options: {
		'listen-after-ms': { type: 'string', default: '0' },
		'ignore-sigterm': { type: 'boolean', default: false },
		'crash-after-ms': { type: 'string' },
		'crash-times': { type: 'string', default: '0' },
		'count-file': { type: 'string' },
		agent: { type: 'boolean', default: false },
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

if (values.agent) speakAsAgent();

const server = createServer((socket) => socket.destroy());
setTimeout(
	() => server.listen(Number(process.env.UPTIME_KUMA_PORT), '127.0.0.1'),
	Number(values['listen-after-ms']),
);

function speakAsAgent() {
	const { socketPath, fingerprint } = JSON.parse(process.env[AGENT_VARIABLE]);
	const hello = {
		protocol: AGENT_PROTOCOL,
		productVersion: '0.0.0',
		kumaVersion: '2.3.2',
		pid: process.pid,
		fingerprint,
		phase: 'running',
		capabilities: Object.fromEntries(CAPABILITIES.map((name) => [name, true])),
	};
	const clients = new Set();
	const agent = createServer((socket) => {
		clients.add(socket);
		socket.on('error', () => {});
		createInterface(socket).on('line', (line) => {
			socket.write(`${JSON.stringify({ id: JSON.parse(line).id, result: hello })}\n`);
		});
	});
	agent.listen(socketPath);
	process.once('SIGUSR2', () => {
		agent.close();
		for (const client of clients) client.destroy();
	});
}
