import { chmod, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { boundInstance } from '../../src/instance/bound-instance.ts';
import { takeSnapshot } from '../../src/instance/snapshots/take-snapshot.ts';
import type { Database } from '../../src/model/database.ts';
import type { Reload } from '../../src/model/reload.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { applySnapshot } from '../../src/replica/apply-snapshot.ts';
import { WorkQueue } from '../../src/timing/work-queue.ts';
import { type FleetMember, fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository } from '../kit/memory-repository.ts';
import { PLAIN_APPLY } from '../kit/plain-apply.ts';
import { createdRepository, testRepository } from '../kit/restic.ts';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const LIMITS = { limitMs: 3_000, graceMs: 3_000 };
const tooLong = { code: 'cycle-timed-out', isRetryable: true };

/** A PATH on which "restic" is a program that hangs, as long as it is there. */
async function hangingRestic(ignores: '' | 'INT TERM') {
	const directory = await temporaryDirectory('hanging');
	const program = join(directory, 'restic');
	const trap = ignores === '' ? '' : `trap '' ${ignores}\n`;
	return {
		path: `${directory}${delimiter}${process.env.PATH ?? ''}`,
		hang: async () => {
			await writeFile(program, `#!/bin/sh\n${trap}while :; do sleep 0.1; done\n`);
			await chmod(program, 0o755);
		},
		heal: () => rm(program),
	};
}

test.each(['', 'INT TERM'] as const)(
	'a restic that hangs, and ignores the signals "%s", is ended with its cycle, and the next cycle works',
	{ timeout: 60_000 },
	async (ignores) => {
		const location = join(await temporaryDirectory('repository'), 'repository');
		const leader = await fleetMember({
			mode: 'BACKUP',
			repository: (await createdRepository({ location })).repository,
		});
		await leader.cycle();
		const restic = await hangingRestic(ignores);
		const { repository } = await testRepository({
			location,
			environment: { PATH: restic.path },
			timeouts: { graceMs: 500 },
		});
		const work = new WorkQueue(LIMITS);
		const replica = await fleetMember({
			mode: 'RESTORE',
			repository,
			isEmpty: true,
			signal: () => work.signal,
		});

		await restic.hang();
		await expect(work.run(() => replica.cycle())).rejects.toMatchObject(tooLong);
		await restic.heal();

		expect(await work.run(() => replica.cycle())).toMatchObject({ outcome: 'applied' });
		expect((await replica.rows()).get('monitor')).toEqual((await leader.rows()).get('monitor'));
	},
);

test('a cycle that wakes up long after it was given up changes nothing any more', {
	timeout: 60_000,
}, async () => {
	const repository = memoryRepository();
	const leader = await fleetMember({ mode: 'BACKUP', repository });
	await leader.cycle();
	const asleep = Promise.withResolvers<void>();
	const work = new WorkQueue({ limitMs: 1_000, graceMs: 100 });
	const sleeping: Reload = { ...NO_RELOAD, stop: () => asleep.promise };
	const replica = await fleetMember({
		mode: 'RESTORE',
		repository,
		isEmpty: true,
		reload: sleeping,
		signal: () => work.signal,
	});

	const sleeper = Promise.withResolvers<unknown>();
	const given = work.run(() => {
		const cycle = replica.cycle();
		sleeper.resolve(cycle.catch((error: unknown) => error));
		return cycle;
	});
	await expect(given).rejects.toMatchObject(tooLong);
	leader.edit("UPDATE monitor SET name = 'Newer' WHERE id = 4");
	await leader.cycle();
	await work.run(async () => undefined);
	asleep.resolve();

	expect(await sleeper.promise).toMatchObject(tooLong);
	expect(await replica.table('monitor')).toEqual([]);
	expect(replica.state.position).toBe(null);
	expect(await work.run(() => replica.cycle())).toMatchObject({ outcome: 'applied' });
	expect(await replica.table('monitor')).toEqual(await leader.table('monitor'));
});

test('monitors are not stopped for a database that somebody else has locked', {
	timeout: 60_000,
}, async () => {
	const repository = memoryRepository();
	const leader = await fleetMember({ mode: 'BACKUP', repository });
	await leader.cycle();
	let stops = 0;
	const counting: Reload = {
		...NO_RELOAD,
		stop: async () => {
			stops += 1;
		},
	};
	const replica = await fleetMember({ mode: 'RESTORE', repository, isEmpty: true, reload: counting });
	const other = new DatabaseSync(join(replica.dataDirectory, 'kuma.db'));
	onTestFinished(() => other.close());
	other.exec('BEGIN IMMEDIATE');

	await expect(replica.cycle()).rejects.toMatchObject({ code: 'database-locked', isRetryable: true });
	expect(stops).toBe(0);

	other.exec('ROLLBACK');
	expect(await replica.cycle()).toMatchObject({ outcome: 'applied' });
	expect(stops).toBe(1);
});

test('what was committed as the turn of its cycle ended is owed to Kuma', async () => {
	const repository = memoryRepository();
	const leader = await fleetMember({ mode: 'BACKUP', repository });
	leader.edit("UPDATE monitor SET name = 'Edited' WHERE id = 4");
	const replica = await fleetMember({ mode: 'RESTORE', repository });
	const [source, target] = [await openOf(leader), await openOf(replica)];
	const { manifest, content } = await takeSnapshot(leader.instance, source);
	const turn = new AbortController();
	const over = new ReplicatorError('The cycle took too long.', { code: 'cycle-timed-out' });
	const owed: unknown[] = [];
	const reload: Reload = {
		...NO_RELOAD,
		reload: () => expect.fail('its turn is over'),
		owe: ({ changes }) => owed.push(...changes.map(({ table, key }) => `${table} ${key}`)),
	};
	const instance = boundInstance({ ...replica.instance, reload }, turn.signal);

	const applying = applySnapshot({
		instance,
		reload: instance.reload,
		database: {
			...target,
			write: async (write) => {
				const result = await target.write(write);
				turn.abort(over);
				return result;
			},
		},
		snapshot: { manifest: manifest(null), content },
		...PLAIN_APPLY,
	});

	await expect(applying).rejects.toBe(over);
	expect(owed).toEqual(['monitor 4']);
});

async function openOf(member: FleetMember): Promise<Database> {
	const opened = await member.instance.openDatabase();
	if (opened.outcome !== 'opened') throw new Error(opened.reason);
	return opened.database;
}
