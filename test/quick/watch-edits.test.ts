import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { watchEdits } from '../../src/leader/watch-edits.ts';
import type { Log } from '../../src/model/log.ts';
import { type FleetMember, fleetMember } from '../kit/fleet-member.ts';
import { memoryRepository } from '../kit/memory-repository.ts';
import { SILENT_LOG } from '../kit/test-instance.ts';
import { waitFor } from '../kit/wait-for.ts';

const EVERY_MS = 10;
const SOON = { timeoutMs: 20_000 };
const HEARTBEAT = `INSERT INTO heartbeat (monitor_id, status, time, important, duration)
	SELECT id, 1, strftime('%Y-%m-%d %H:%M:%f', 'now'), 0, 60 FROM monitor`;
const RENAME = "UPDATE monitor SET name = name || '!' WHERE id = 1";

interface Watched {
	readonly leader: FleetMember;
	isTold: boolean;
	/** How often it was asked whether the agent tells of edits: once a round. */
	rounds: number;
	/** How often the database was opened. */
	opened: number;
	/** How often the database was read. */
	reads: number;
	edits: number;
	readonly warnings: string[];
	/** Waits until as many more rounds have come to their end. */
	pass(rounds: number): Promise<void>;
}

/** A leader whose database is looked at all the time. */
async function watch(options: { readonly isPublished: boolean } = { isPublished: true }): Promise<Watched> {
	const leader = await fleetMember({ mode: 'BACKUP', repository: memoryRepository() });
	if (options.isPublished) await leader.cycle();
	const ending = new AbortController();
	onTestFinished(() => ending.abort());
	const watched: Watched = {
		leader,
		isTold: false,
		rounds: 0,
		opened: 0,
		reads: 0,
		edits: 0,
		warnings: [],
		pass: async (rounds) => {
			// The last one that was begun may be under way.
			const enough = watched.rounds + rounds + 1;
			await waitFor(() => watched.rounds >= enough, { ...SOON, what: `${rounds} rounds` });
		},
	};
	const log: Log = { ...SILENT_LOG, warning: (message) => watched.warnings.push(message) };
	watchEdits({
		instance: {
			...leader.instance,
			log,
			openDatabase: async () => {
				watched.opened += 1;
				const opened = await leader.instance.openDatabase();
				if (opened.outcome !== 'opened') return opened;
				const { database } = opened;
				const read: typeof database.read = (work) => {
					watched.reads += 1;
					return database.read(work);
				};
				return { ...opened, database: { ...database, read } };
			},
		},
		isTold: () => {
			watched.rounds += 1;
			return watched.isTold;
		},
		onEdit: () => {
			watched.edits += 1;
		},
		signal: ending.signal,
		everyMs: EVERY_MS,
		processorShareMax: 1,
	});
	return watched;
}

test('each edit is found once, and a database that nobody writes to is not read again', async () => {
	const watched = await watch();
	await watched.pass(3);
	expect(watched).toMatchObject({ edits: 0, reads: 1 });

	watched.leader.edit(RENAME);
	await waitFor(() => watched.edits === 1, { ...SOON, what: 'the first edit' });
	watched.leader.edit(RENAME);
	await waitFor(() => watched.edits === 2, { ...SOON, what: 'the second edit' });
	await watched.pass(3);

	expect(watched).toMatchObject({ edits: 2, reads: 3 });
});

test('heartbeats make it read, and are no edits', async () => {
	const watched = await watch();
	await watched.pass(2);
	const { reads } = watched;

	watched.leader.edit(HEARTBEAT);
	await waitFor(() => watched.reads > reads, { ...SOON, what: 'a read' });
	await watched.pass(2);

	expect(watched.edits).toBe(0);
});

test('what only the running Kuma writes for itself is no edit', async () => {
	const watched = await watch();
	await watched.pass(2);
	const { reads } = watched;

	watched.leader.edit("UPDATE monitor SET dns_last_result = '192.0.2.1' WHERE id = 1");
	await waitFor(() => watched.reads > reads, { ...SOON, what: 'a read' });
	await watched.pass(2);

	expect(watched.edits).toBe(0);
});

test('what is not published when it begins is an edit, but only once', async () => {
	const watched = await watch({ isPublished: false });

	await waitFor(() => watched.edits === 1, { ...SOON, what: 'the edit' });
	watched.leader.edit(HEARTBEAT);
	await waitFor(() => watched.reads === 2, { ...SOON, what: 'another read' });
	await watched.pass(2);

	expect(watched.edits).toBe(1);
});

test('an agent that tells of edits spares every look, and what it did not tell is found when it is gone', async () => {
	const watched = await watch();
	await watched.pass(2);
	watched.isTold = true;
	await watched.pass(1);
	const { opened } = watched;

	watched.leader.edit(RENAME);
	await watched.pass(5);
	expect(watched).toMatchObject({ opened, edits: 0 });
	watched.isTold = false;
	await waitFor(() => watched.edits === 1, { ...SOON, what: 'the edit' });
});

test('a database that cannot be read is told once, and what was edited meanwhile is found', async () => {
	const watched = await watch();
	await watched.pass(2);

	const configuration = join(watched.leader.dataDirectory, 'db-config.json');
	await writeFile(configuration, '{ "type": ');
	await waitFor(() => watched.warnings.length > 0, { ...SOON, what: 'the warning' });
	watched.leader.edit(RENAME);
	await watched.pass(5);
	expect(watched).toMatchObject({
		edits: 0,
		warnings: [expect.stringContaining('Edits cannot be looked for')],
	});
	await writeFile(configuration, '{"type":"sqlite"}');

	await waitFor(() => watched.edits === 1, { ...SOON, what: 'the edit' });
	expect(watched.warnings).toHaveLength(1);
});

test('a database that is put in the place of another is read', async () => {
	const watched = await watch();
	const other = await fleetMember({ mode: 'BACKUP', repository: memoryRepository() });
	other.edit(RENAME);
	await watched.pass(2);

	for (const suffix of ['-wal', '-shm'])
		await rm(join(watched.leader.dataDirectory, `kuma.db${suffix}`), { force: true });
	await rename(join(other.dataDirectory, 'kuma.db'), join(watched.leader.dataDirectory, 'kuma.db'));

	await waitFor(() => watched.edits === 1, { ...SOON, what: 'the edit' });
});
