import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { machineEnvironment, machineNode } from '../../scripts/machine-node.mjs';
import { locateAgent } from '../../src/kuma/agent-file.ts';
import { kumaEnvironment } from '../../src/kuma/kuma-environment.ts';
import { AGENT_LINE_BYTES_MAX } from '../../src/model/agent-protocol.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { waitFor } from '../kit/wait-for.ts';

const SOON_MS = 30_000;

/** Stands in for Kuma's server: tells what it, a child, a fork and a worker of it see of the agent, and goes on. */
const SERVER = `
const { execFileSync, fork } = require('node:child_process');
const { once } = require('node:events');
const { writeFileSync } = require('node:fs');
const { Worker } = require('node:worker_threads');

const LOOK = 'JSON.stringify({ options: process.env.NODE_OPTIONS ?? null, told: process.env.REPLICATOR_KUMA_AGENT ?? null })';

async function main() {
	const [ofFork] = await once(fork(__dirname + '/look.js'), 'message');
	const [ofWorker] = await once(new Worker('require("node:worker_threads").parentPort.postMessage(' + LOOK + ')', { eval: true }), 'message');
	const seen = {
		pid: process.pid,
		own: eval(LOOK),
		child: execFileSync(process.execPath, ['-p', LOOK], { encoding: 'utf8' }).trim(),
		fork: ofFork,
		worker: ofWorker,
	};
	writeFileSync(process.env.SEEN_PATH, JSON.stringify(seen));
	setInterval(() => {}, 2 ** 30);
}
main();
`;
const LOOK = `process.send(JSON.stringify({ options: process.env.NODE_OPTIONS ?? null, told: process.env.REPLICATOR_KUMA_AGENT ?? null }))`;

interface Seen {
	readonly pid: number;
	readonly own: string;
	readonly child: string;
	readonly fork: string;
	readonly worker: string;
}

/** Starts a package that is, or is not, Kuma, as replicator-kuma starts Kuma. */
async function start(program: {
	readonly packageName: string;
	readonly command: readonly string[];
	readonly nodeOptions?: string;
	/** Whether anybody reads what it says; default: it says it to nobody. */
	readonly hasReader?: false;
}): Promise<{ readonly seen: Seen; readonly socketPath: string; readonly wrapperPid: number }> {
	const directory = await realpath(await temporaryDirectory('isolation'));
	const socketPath = join(directory, 'agent.sock');
	const seenPath = join(directory, 'seen.json');
	await mkdir(join(directory, 'server'));
	await writeFile(join(directory, 'server', 'server.js'), SERVER);
	await writeFile(join(directory, 'server', 'look.js'), LOOK);
	const manifest = {
		name: program.packageName,
		version: '2.5.3',
		scripts: { 'start-server': 'node server/server.js' },
	};
	await writeFile(join(directory, 'package.json'), JSON.stringify(manifest));
	const path = locateAgent();
	if (path === null) throw new Error('The agent is not there: run `npm run build` first');
	const [file = '', ...words] = program.command;
	const { nodeOptions } = program;
	const env = kumaEnvironment({
		command: program.command,
		cwd: directory,
		env: {
			...machineEnvironment(),
			SEEN_PATH: seenPath,
			...(nodeOptions === undefined ? {} : { NODE_OPTIONS: nodeOptions }),
		},
		agent: { path, options: { socketPath, startGateMs: null, notificationPrefix: '', watched: {} } },
	});
	const child = spawn(file, words, {
		cwd: directory,
		env,
		stdio: ['ignore', 'ignore', program.hasReader === false ? 'pipe' : 'ignore'],
		detached: true,
	});
	child.stderr?.destroy();
	await once(child, 'spawn');
	const { pid = 0 } = child;
	onTestFinished(() => {
		process.kill(-pid, 'SIGKILL');
	});
	await waitFor(() => existsSync(seenPath), { timeoutMs: SOON_MS, what: 'the program has looked around' });
	const seen = JSON.parse(await readFile(seenPath, 'utf8')) as Seen;
	return { seen, socketPath, wrapperPid: pid };
}

/** @returns the process id of who listens as the agent. */
async function agentPid(socketPath: string): Promise<number> {
	const socket = connect(socketPath);
	onTestFinished(() => {
		socket.destroy();
	});
	await once(socket, 'connect');
	socket.write('{"id":1,"method":"hello"}\n');
	const [answer] = (await once(socket, 'data')) as [Buffer];
	return (JSON.parse(answer.toString('utf8')) as { result: { pid: number } }).result.pid;
}

test.each([
	['no options of its own', undefined],
	["the user's options", '--max-old-space-size=512 --title="my kuma"'],
])("the agent is in Kuma's process alone, which goes on with %s", async (_what, nodeOptions) => {
	const { seen, socketPath } = await start({
		packageName: 'uptime-kuma',
		command: [machineNode(), 'server/server.js'],
		...(nodeOptions === undefined ? {} : { nodeOptions }),
	});

	const asTheUserHasIt = JSON.stringify({ options: nodeOptions ?? null, told: null });
	expect(seen).toEqual({
		pid: await agentPid(socketPath),
		own: asTheUserHasIt,
		child: asTheUserHasIt,
		fork: asTheUserHasIt,
		worker: asTheUserHasIt,
	});
});

test('a Kuma that npm starts has the agent, and npm has not', async () => {
	const npm = join(dirname(machineNode()), 'npm');

	const { seen, socketPath, wrapperPid } = await start({
		packageName: 'uptime-kuma',
		command: [npm, 'run', 'start-server'],
		nodeOptions: '--max-old-space-size=512',
	});

	expect(await agentPid(socketPath)).toBe(seen.pid);
	expect(seen.pid).not.toBe(wrapperPid);
	expect(seen.child).toBe(JSON.stringify({ options: '--max-old-space-size=512', told: null }));
});

test('a Kuma whose output nobody reads any more survives what the agent says', async () => {
	const { seen, socketPath } = await start({
		packageName: 'uptime-kuma',
		command: [machineNode(), 'server/server.js'],
		hasReader: false,
	});
	const socket = connect(socketPath);
	socket.on('error', () => undefined);
	await once(socket, 'connect');
	const isRefused = once(socket, 'close');

	socket.write(Buffer.alloc(AGENT_LINE_BYTES_MAX + 2, 'x'));
	await isRefused;

	expect(await agentPid(socketPath)).toBe(seen.pid);
});

test('a program that is not Kuma is left alone', async () => {
	const { socketPath } = await start({
		packageName: 'something-else',
		command: [machineNode(), 'server/server.js'],
	});

	expect(existsSync(socketPath)).toBe(false);
});
