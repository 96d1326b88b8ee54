import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { execa } from 'execa';
import { beforeEach, expect, test } from 'vitest';
import type { ReplicatorMode } from '../../src/model/role.ts';
import { fakedReplicator } from '../kit/faked-replicator.ts';
import { runCommand } from '../kit/run-command.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';
import { TEST_PASSWORD } from '../kit/weak-repository.ts';

/**
 * A leader, a replica and their repository, as release 0.1.0 has left them: two snapshots are published and applied,
 * the leader has an edit that is not published, and the replica holds two rows back and has paused a monitor.
 */
const FIRST_RELEASE = join(import.meta.dirname, '../fixtures/first-release.tar.gz');
const HELD = ['monitor_notification/29', 'monitor_tag/24'];

const MODES = { leader: 'BACKUP', replica: 'RESTORE' } as const satisfies Record<string, ReplicatorMode>;
type Member = keyof typeof MODES;

let folder: string;
beforeEach(async () => {
	folder = await temporaryDirectory('first-release');
	await execa('tar', ['--extract', '--file', FIRST_RELEASE, '--directory', folder, '--no-same-owner']);
});

const repository = () => join(folder, 'repository');

async function command(member: Member, ...words: readonly string[]): Promise<string> {
	const { exitCode, stdout, stderr } = await runCommand(words, {
		DATA_DIR: join(folder, member),
		REPLICATOR_MODE: MODES[member],
		REPLICATOR_HOSTNAME: member,
		RESTIC_REPOSITORY: repository(),
		RESTIC_PASSWORD: TEST_PASSWORD,
	});
	expect(stderr).not.toMatch(/WARN|ERROR/);
	expect(exitCode).toBe(0);
	return stdout;
}

interface State {
	readonly instanceId: string;
	readonly position: { readonly generation: number };
	readonly heldRows: readonly { readonly table: string; readonly key: string }[];
	readonly remarks: readonly { readonly kind: string }[];
}

async function stateOf(dataDirectory: string): Promise<State> {
	return JSON.parse(await readFile(join(dataDirectory, 'replicator-kuma', 'state.json'), 'utf8')) as State;
}

/** What each member has of some tables. */
function rowsOf(dataDirectory: string) {
	const database = new DatabaseSync(join(dataDirectory, 'kuma.db'), { readOnly: true });
	try {
		return ['SELECT id, name, type, url FROM monitor', 'SELECT * FROM tag', 'SELECT * FROM notification'].map(
			(sql) => database.prepare(sql).all(),
		);
	} finally {
		database.close();
	}
}

test('commands go on where the first release has stopped, in its repository and its folders', async () => {
	const before = await stateOf(join(folder, 'replica'));

	expect(await command('leader', 'backup')).toContain('(generation 3, from leader)');
	const dryRun = await command('replica', 'restore', '--dry-run');
	expect(dryRun).toContain('monitor "Edited last" (id 4): name "Blog" → "Edited last"');
	expect(dryRun).not.toContain('Shop front');
	expect(await command('replica', 'restore')).toContain('monitor "Edited last" changed');

	expect(rowsOf(join(folder, 'replica'))).toEqual(rowsOf(join(folder, 'leader')));
	const snapshots = JSON.parse(await command('replica', 'snapshots', '--json')) as unknown[];
	expect(snapshots).toMatchObject([3, 2, 1].map((generation) => ({ generation })));
	const after = await stateOf(join(folder, 'replica'));
	expect(after).toMatchObject({ instanceId: before.instanceId, position: { generation: 3 } });
	expect(after.heldRows.map(({ table, key }) => `${table}/${key}`)).toEqual(HELD);
	expect(after.remarks).toMatchObject([{ kind: 'push-paused' }]);
});

test('an old snapshot of the first release can still be looked at and restored', async () => {
	const snapshots = JSON.parse(await command('leader', 'snapshots', '--json')) as { readonly id: string }[];
	const first = snapshots.at(-1)?.id ?? '';

	expect(await command('replica', 'diff', first, 'latest')).toContain('name "Shop" → "Shop front"');
	await command('replica', 'restore', first);

	const [monitors] = rowsOf(join(folder, 'replica'));
	expect(monitors).toContainEqual(expect.objectContaining({ id: 3, name: 'Shop' }));
	expect(monitors).toContainEqual(expect.objectContaining({ id: 20, name: 'Legacy FTP' }));
});

test('services go on where the first release has stopped', async () => {
	const [leader, replica] = await Promise.all(
		(['leader', 'replica'] as const).map(async (member) => {
			const replicator = await fakedReplicator({
				mode: MODES[member],
				repository: repository(),
				environment: { RESTIC_PASSWORD: TEST_PASSWORD },
				fixture: null,
			});
			await cp(join(folder, member), replicator.dataDirectory, { recursive: true });
			return replicator;
		}),
	);
	if (leader === undefined || replica === undefined) throw new Error('there are two members');
	const { instanceId } = await stateOf(replica.dataDirectory);

	await leader.start();
	await leader.waitForStatus('the edit is published', ({ newest }) => newest?.generation === 3);
	await replica.start();
	await replica.waitForStatus('the edit is applied', ({ applied }) => applied?.generation === 3);

	expect(rowsOf(replica.dataDirectory)).toEqual(rowsOf(leader.dataDirectory));
	expect((await stateOf(replica.dataDirectory)).instanceId).toBe(instanceId);
	expect((await replica.status()).lastError).toBeNull();
	expect((await leader.status()).lastError).toBeNull();
});
