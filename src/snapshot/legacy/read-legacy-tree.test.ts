import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { legacyTree } from '../../../test/kit/legacy-export.ts';
import { testTree } from '../../../test/kit/restic.ts';
import { CATALOG } from '../../catalog/index.ts';
import { readLegacyTree } from './read-legacy-tree.ts';

const ROWS = new Map([
	['user', [{ id: 1, username: 'admin', password: 'secret', twofa_last_token: '000123' }]],
	['monitor', [{ id: 4, name: 'A monitor', active: 1, user_id: 1, proxy_id: null }]],
]);

async function read(files: Readonly<Record<string, string | Uint8Array>>) {
	const directory = await testTree(files);
	const schema = { kind: 'sqlite', tables: new Map() } as const;
	return readLegacyTree({ directory, where: 'a817591c', catalog: CATALOG, schema });
}

function below(folder: string, tree: Readonly<Record<string, string>>): Record<string, string> {
	return Object.fromEntries(Object.entries(tree).map(([path, text]) => [join(folder, path), text]));
}

describe.each(['sqlite', 'mariadb'] as const)('an export of %s', (kind) => {
	test.each(['', 'replicator_kuma/current'])('is found below "%s"', async (root) => {
		const { databaseKind, tables } = await read(below(root, legacyTree(ROWS, kind)));

		expect(databaseKind).toBe(kind);
		expect(tables.find(({ name }) => name === 'monitor')).toMatchObject({
			key: ['id'],
			rows: [[4, 'A monitor', 1, 1, null]],
		});
	});
});

test('columns that only the server writes are left out', async () => {
	const { tables } = await read(legacyTree(ROWS));

	expect(tables.find(({ name }) => name === 'user')?.rows).toEqual([[1, 'admin', 'secret']]);
});

describe('a table without a file', () => {
	test('is empty where the original says that it looked at it', async () => {
		const { tables } = await read(legacyTree(ROWS));

		expect(tables.find(({ name }) => name === 'tag')).toMatchObject({ key: ['id'], rows: [] });
	});

	test.each(['docker_host', 'status_page_cname'])(
		'is not spoken of where it never looks: %s',
		async (name) => {
			const { tables } = await read(legacyTree(ROWS));

			expect(tables.map((table) => table.name)).not.toContain(name);
		},
	);

	test('is not spoken of by a version that did not know it', async () => {
		const deletes = 'DELETE FROM `tag`;\nDELETE FROM `monitor`;';

		const { tables } = await read({
			...legacyTree(ROWS),
			'sql_statements/replicatorkuma_truncates.sql': deletes,
		});

		expect(tables.map(({ name }) => name)).toEqual(['user', 'tag', 'monitor']);
	});
});

describe('a snapshot is refused', () => {
	const refused = (reason: string) => ({
		code: 'snapshot-corrupt',
		message: `The snapshot a817591c of the original Replicator Kuma cannot be used: ${reason}. Nothing of it was applied.`,
		hint: expect.stringContaining('log of the original leader'),
	});

	test.each([
		['that is empty', {}, 'it has no exported tables'],
		['that is a file', { 'replicator_kuma/current': 'x' }, 'it has no exported tables'],
		[
			'that has two exports',
			{ ...legacyTree(ROWS, 'sqlite'), ...legacyTree(ROWS, 'mariadb') },
			'it has exported tables twice',
		],
		[
			'whose CSV is broken',
			{ ...legacyTree(ROWS), 'sqlite_exports/monitor.csv': 'id,name\n1,"secret\n' },
			'sqlite_exports/monitor.csv: row 1 is not the CSV that the original writes',
		],
		[
			'that is not UTF-8',
			{ ...legacyTree(ROWS), 'sqlite_exports/tag.csv': new Uint8Array([105, 100, 10, 0xff, 10]) },
			'sqlite_exports/tag.csv: it is not UTF-8',
		],
		[
			'without users, which a Kuma that is set up always has',
			legacyTree(new Map([['monitor', [{ id: 4, name: 'A monitor' }]]])),
			'it has no users, as if Kuma had not been set up, or could not be read',
		],
		[
			'without monitors that a tag of a monitor refers to',
			legacyTree(
				new Map([
					['user', [{ id: 1, username: 'admin' }]],
					['tag', [{ id: 1, name: 'A tag' }]],
					['monitor_tag', [{ id: 1, monitor_id: 4, tag_id: 1, value: '' }]],
				]),
			),
			'its table monitor is empty, but rows of monitor_tag refer to it',
		],
	])('%s', async (_what, files: Readonly<Record<string, string | Uint8Array>>, reason) => {
		await expect(read(files)).rejects.toMatchObject(refused(reason));
	});
});

test('ids that lead nowhere are left alone where Kuma has no foreign key', async () => {
	const rows = new Map<string, Record<string, string | number | null>[]>([
		...ROWS,
		['group', [{ id: 1, name: 'A group', status_page_id: 424242 }]],
	]);

	const { tables } = await read(legacyTree(rows));

	expect(tables.find(({ name }) => name === 'group')?.rows).toHaveLength(1);
});
