import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');

/** A table of the reference, and the types whose fields it lists. */
interface Listing {
	readonly types: readonly string[];
	readonly file: string;
	readonly fields: readonly string[];
}

const MARK = /^<!-- fields of (?<types>[\w, ]+) in (?<file>\S+) -->$/;

function findListings(markdown: string): Listing[] {
	return markdown.split(/^(?=<!-- fields of )/m).flatMap((part) => {
		const [first = '', ...lines] = part.split('\n');
		const { types, file } = MARK.exec(first)?.groups ?? {};
		if (types === undefined || file === undefined) return [];
		const start = lines.findIndex((line) => line.startsWith('|'));
		const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
		const names = lines
			.slice(start + 2, end)
			.flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
		return [{ types: types.split(', '), file, fields: names }];
	});
}

/** @returns the fields of a type as it is written, those of objects within it with their path; named types end it. */
function fieldsOf(node: ts.Node, path = ''): string[] {
	if (ts.isInterfaceDeclaration(node) || ts.isTypeLiteralNode(node)) {
		return node.members.filter(ts.isPropertySignature).flatMap(({ name, type }) => {
			const field = path + name.getText();
			return [field, ...(type === undefined ? [] : fieldsOf(type, `${field}.`))];
		});
	}
	if (ts.isTypeAliasDeclaration(node)) return fieldsOf(node.type, path);
	if (ts.isUnionTypeNode(node) || ts.isIntersectionTypeNode(node))
		return node.types.flatMap((each) => fieldsOf(each, path));
	if (ts.isParenthesizedTypeNode(node) || ts.isTypeOperatorNode(node)) return fieldsOf(node.type, path);
	return ts.isArrayTypeNode(node) ? fieldsOf(node.elementType, path) : [];
}

async function declaredFields({ file, types }: Listing): Promise<string[]> {
	const text = await readFile(join(PROJECT, file), 'utf8');
	const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
	const declarations = types.map((type) => {
		const found = source.statements.find(
			(each) =>
				(ts.isInterfaceDeclaration(each) || ts.isTypeAliasDeclaration(each)) && each.name.text === type,
		);
		if (found === undefined) throw new Error(`${file} has no type ${type}`);
		return found;
	});
	return declarations.flatMap((each) => fieldsOf(each));
}

const reference = await readFile(join(PROJECT, 'docs/json.md'), 'utf8');
const listings = findListings(reference);

test.each(listings.map((listing) => ({ title: listing.types.join(', '), listing })))(
	'docs/json.md lists every field of $title, and no other',
	async ({ listing }) => {
		expect([...new Set(listing.fields)].sort()).toEqual([...new Set(await declaredFields(listing))].sort());
	},
);

test('docs/json.md lists the types of every answer', () => {
	expect(listings.flatMap(({ types }) => types).sort()).toEqual(
		[
			...['AheadPosition', 'ConfigRow', 'CycleEnd', 'CycleReport', 'Diagnosis', 'Difference', 'ExportEnd'],
			...['Finding', 'HeldRow', 'ImportEnd', 'KumaBeatsStatus', 'LeaderConnection', 'ListedSnapshot'],
			...['PlanSummary', 'PublishedSnapshot', 'RecordedPosition', 'Remark', 'ReplicationState', 'ResticUse'],
			...['ShownChange', 'ShownColumn', 'ShownError', 'Status', 'TimezoneChange', 'Trouble'],
		].sort(),
	);
});

test('an answer that is printed is one of those that are documented', async () => {
	const program = await readFile(join(PROJECT, 'src/commands/printing/answers.ts'), 'utf8');
	const named = [...program.matchAll(/^export interface (\w+)/gm)].map(([, name = '']) => name);

	expect(listings.flatMap(({ types }) => types)).toEqual(expect.arrayContaining(named));
});
