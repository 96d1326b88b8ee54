import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { withAgent, withoutAgent } from './node-options.ts';

test('the agent is added behind the options of the user, and taken out again alone', () => {
	const options = withAgent('--max-old-space-size=512', '/opt/agent.cjs');

	expect(options).toBe('--max-old-space-size=512 --require "/opt/agent.cjs"');
	expect(withoutAgent(options, '/opt/agent.cjs')).toBe('--max-old-space-size=512');
});

test('without options of the user nothing is left', () => {
	expect(withoutAgent(withAgent(undefined, '/opt/agent.cjs'), '/opt/agent.cjs')).toBeUndefined();
	expect(withoutAgent(undefined, '/opt/agent.cjs')).toBeUndefined();
});

test('whatever the user has set comes back unchanged, but for spaces around it', () => {
	fc.assert(
		fc.property(fc.string(), (users) => {
			const rest = withoutAgent(withAgent(users, '/a b/agent.cjs'), '/a b/agent.cjs');

			expect(rest ?? '').toBe(users.trim());
		}),
	);
});

test('Node loads an agent whose path has spaces, quotes and backslashes', () => {
	const folder = mkdtempSync(join(tmpdir(), 'a "strange\\ folder'));
	onTestFinished(() => rmSync(folder, { recursive: true }));
	const agent = join(folder, 'agent.cjs');
	writeFileSync(agent, "process.stdout.write('loaded')");

	const { stdout } = spawnSync(process.execPath, ['-e', '0'], {
		env: { ...process.env, NODE_OPTIONS: withAgent('--no-warnings', agent) },
		encoding: 'utf8',
	});

	expect(stdout).toBe('loaded');
});
