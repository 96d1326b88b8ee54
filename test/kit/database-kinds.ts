import type { DatabaseKind } from '../../src/model/row.ts';

const ALL: readonly DatabaseKind[] = ['sqlite', 'mariadb'];

/**
 * The kinds of database that suites run on: all, or those that the variable KINDS lists, separated by commas.
 * `KINDS=sqlite` is for a machine without MariaDB.
 */
export const DATABASE_KINDS: readonly DatabaseKind[] = readKinds(process.env.KINDS ?? ALL.join());

/** Test files that are about a kind of database which is left out, as patterns. */
export const LEFT_OUT_FILES: readonly string[] = ALL.filter((kind) => !DATABASE_KINDS.includes(kind)).map(
	(kind) => `**/*${kind}*.test.ts`,
);

/** @returns what is made for each kind that is not left out. Those that are left out are not there, whatever the type says. */
export async function forEachKind<Value>(
	make: (kind: DatabaseKind) => Value | Promise<Value>,
): Promise<Readonly<Record<DatabaseKind, Value>>> {
	const made = await Promise.all(DATABASE_KINDS.map(async (kind) => [kind, await make(kind)] as const));
	return Object.fromEntries(made) as Record<DatabaseKind, Value>;
}

function readKinds(text: string): readonly DatabaseKind[] {
	const names = text.split(',').map((name) => name.trim());
	const kinds = ALL.filter((kind) => names.includes(kind));
	if (kinds.length === names.length) return kinds;
	throw new Error(`KINDS=${text} is not a list of ${ALL.join(' and ')}`);
}
