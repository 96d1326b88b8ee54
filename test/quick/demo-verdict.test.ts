import { describe, expect, test } from 'vitest';
import { judgeContents } from '../../scripts/demo/judge-contents.ts';
import type { CatalogTable } from '../../src/model/catalog-table.ts';
import type { Row } from '../../src/model/row.ts';
import type { SnapshotContent } from '../../src/model/snapshot.ts';

const CATALOG: readonly CatalogTable[] = [
	{ name: 'thing', noun: 'thing', plural: 'things', shownColumns: [], derivedColumns: ['derived'] },
];
const COLUMNS = ['id', 'value', 'derived'];

function content(rows: readonly Row[], files: Readonly<Record<string, string>> = {}): SnapshotContent {
	return {
		databaseKind: 'sqlite',
		timezone: 'UTC',
		tables: [
			{
				name: 'thing',
				columns: COLUMNS.map((name) => ({ name, declared: 'TEXT', isNullable: true })),
				key: ['id'],
				rows,
			},
		],
		files: Object.entries(files).map(([path, text]) => ({ path, content: Buffer.from(text) })),
	};
}

function differences(expected: SnapshotContent, found: SnapshotContent): string[] {
	return judgeContents({ catalog: CATALOG, expected, found }).flatMap((table) => table.differences);
}

describe("the demo's verdict on a replica", () => {
	test('is good when every value is the same, and counts the rows that were compared', () => {
		const rows: Row[] = [
			[1, 'x', null],
			[2, new Uint8Array([1, 2]), 'z'],
		];

		const verdicts = judgeContents({
			catalog: CATALOG,
			expected: content(rows, { 'upload/a.png': 'A' }),
			found: content(structuredClone(rows), { 'upload/a.png': 'A' }),
		});

		expect(verdicts).toEqual([
			{ table: 'thing', rowCount: 2, differences: [] },
			{ table: 'uploaded files', rowCount: 1, differences: [] },
		]);
	});

	test.each<[string, Row]>([
		['another text', [1, 'y', null]],
		['a number where a text was', [1, 7, null]],
		['nothing where an empty text was', [1, null, null]],
		['bytes where a text was', [1, new Uint8Array([55]), null]],
	])('names the column that holds %s', (_what, found) => {
		const expected: Row = found[1] === 7 ? [1, '7', null] : [1, found[1] === null ? '' : 'x', null];

		expect(differences(content([expected]), content([found]))).toEqual(['thing 1: value differs']);
	});

	test('names rows and files that are missing or too much', () => {
		const expected = content([[1, 'x', null]], { 'upload/a.png': 'A', 'upload/b.png': 'B' });
		const found = content([[2, 'x', null]], { 'upload/a.png': 'changed', 'upload/c.png': 'C' });

		expect(differences(expected, found)).toEqual([
			'thing 1 is missing',
			'thing 2 is too much',
			'upload/a.png differs',
			'upload/b.png is missing',
			'upload/c.png is too much',
		]);
	});

	test('names a table that one of them lacks', () => {
		const without = { ...content([]), tables: [] };

		expect(differences(content([]), without)).toEqual(['thing is on one of them only']);
	});

	test('lets Kuma fill in a derived column that is empty on the leader, and only then', () => {
		expect(differences(content([[1, 'x', null]]), content([[1, 'x', 'filled in']]))).toEqual([]);
		expect(differences(content([[1, 'x', 'set']]), content([[1, 'x', 'other']]))).toEqual([
			'thing 1: derived differs',
		]);
	});
});
