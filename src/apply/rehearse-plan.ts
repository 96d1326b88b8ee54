import {
	type BrokenReference,
	type Database,
	type RehearsalWriter,
	TransactionLost,
} from '../model/database.ts';
import type { Plan, SettingChange, Step } from '../model/plan.ts';
import type { Column, DatabaseSchema, Key, Row, Value } from '../model/row.ts';
import { StatementRefused } from '../model/statement-refused.ts';
import { carryOutStep, writeSetting } from './carry-out-step.ts';

/** A row that the database does not let pass. */
export interface RefusedRow {
	readonly table: string;
	readonly key: Key;
	readonly verb: 'insert' | 'update' | 'delete';
	readonly refusal: StatementRefused;
	/** What would have been written, by column; empty for a delete. */
	readonly values: ReadonlyMap<string, Value>;
}

/** A part of a plan that is tried at once; one of a single row is to blame when it is refused. */
type Part = { readonly step: Step } | { readonly setting: SettingChange };

/**
 * So many parts are tried under one savepoint: on a distant server, each round trip counts. What passed before a refusal
 * is done again, so more would not be better.
 */
const RUN_MAX = 100;
/** After so many transactions that were lost, a rehearsal takes a whole part for what cannot be done, instead of looking for the row in it. */
const BEGINNINGS_MAX = 200;

/**
 * Finds out which rows of a plan the database refuses: tries all of it in a transaction that is undone in any case, and
 * halves each statement that fails until the row is found. What fails behind a row that it may depend on is left to the
 * next rehearsal, with a plan that does without that row.
 * @returns the rows that are to blame; none when the plan can be carried out.
 */
export async function rehearsePlan(request: {
	readonly plan: Pick<Plan, 'steps' | 'settings'>;
	readonly database: Database;
}): Promise<readonly RefusedRow[]> {
	const { plan, database } = request;
	const refused: RefusedRow[] = [];
	let parts: readonly Part[] = [
		...plan.steps.map((step) => ({ step })),
		...plan.settings.map((setting) => ({ setting })),
	];
	for (let beginning = 1; ; beginning += 1) {
		const isPatient = beginning < BEGINNINGS_MAX;
		const rest = await database.rehearse((writer) =>
			new Rehearsal({ writer, refused, isPatient }).run(parts),
		);
		if (rest === null) return refused;
		parts = rest;
	}
}

class Rehearsal {
	readonly #writer: RehearsalWriter;
	readonly #refused: RefusedRow[];
	readonly #isPatient: boolean;
	/** Rows that failed, and may be no culprits: what they need failed before. */
	readonly #consequences: RefusedRow[] = [];

	constructor(request: {
		readonly writer: RehearsalWriter;
		/** Rows that were found are added. */
		readonly refused: RefusedRow[];
		readonly isPatient: boolean;
	}) {
		this.#writer = request.writer;
		this.#refused = request.refused;
		this.#isPatient = request.isPatient;
	}

	/** @returns what is to be tried in another transaction, because this one was lost; null when all is known. */
	async run(parts: readonly Part[]): Promise<readonly Part[] | null> {
		const schema = await this.#writer.schema();
		const tables = tablesToCheck(parts, schema);
		const brokenBefore = new Set((await this.#writer.findBrokenReferences(tables)).map(describeBroken));
		// The first is the next one.
		const pending = [...parts];
		const done: Part[] = [];
		let runMax = RUN_MAX;
		while (pending.length > 0) {
			const run = pending.splice(0, runMax);
			let passed = 0;
			try {
				await this.#writer.attempt(async () => {
					for (const part of run) {
						await this.#carryOut(part);
						passed += 1;
					}
				});
				done.push(...run);
				runMax = Math.min(runMax * 2, RUN_MAX);
			} catch (error) {
				const isLost = error instanceof TransactionLost;
				const refusal = isLost ? error.cause : error;
				const part = run[passed];
				if (!(refusal instanceof StatementRefused) || part === undefined) throw refusal;
				const halves = this.#isPatient || !isLost ? halve(part) : null;
				if (halves === null) this.#blame(part, refusal, schema);
				pending.unshift(...run.slice(0, passed), ...(halves ?? []), ...run.slice(passed + 1));
				if (isLost) return [...done, ...pending];
				// What passed was undone; the next run is done again up to there, and nothing behind it can undo that.
				runMax = Math.max(passed, 1);
			}
		}
		// Without what was refused, something may be missing that is not missing then.
		if (this.#refused.length > 0) return null;
		const broken = await this.#writer.findBrokenReferences(tables);
		this.#blameBroken(
			broken.filter((row) => !brokenBefore.has(describeBroken(row))),
			done,
		);
		return null;
	}

	async #carryOut(part: Part): Promise<void> {
		if ('setting' in part) await writeSetting(this.#writer, part.setting);
		else await carryOutStep(this.#writer, part.step);
	}

	/** What may fail only because of a row that was found before is not blamed yet. */
	#blame(part: Part, refusal: StatementRefused, schema: DatabaseSchema): void {
		for (const row of rowsOf(part, refusal)) {
			const failed = [...this.#refused, ...this.#consequences];
			const isConsequence = failed.some((earlier) => mayDependOn(schema, row, earlier));
			(isConsequence ? this.#consequences : this.#refused).push(row);
		}
	}

	/**
	 * Foreign keys that are deferred, which SQLite has, are looked at when everything is done. To blame is the row that
	 * refers if the plan has written it, and otherwise the one that it refers to, which has gone.
	 */
	#blameBroken(broken: readonly BrokenReference[], done: readonly Part[]): void {
		const refusal = new StatementRefused('A row would have had a dangling reference.', {
			code: 'database-write-failed',
			words: 'FOREIGN KEY constraint failed',
		});
		const written = new Map(
			done
				.flatMap((part) => rowsOf(part, refusal))
				.flatMap((row) => (row.verb === 'delete' ? [] : [[nameOf(row.table, row.key), row]])),
		);
		const blamed = broken.map(({ table, key, toTable, toKey }): RefusedRow => {
			const row = written.get(nameOf(table, key));
			return row ?? { table: toTable, key: toKey, verb: 'delete', refusal, values: new Map() };
		});
		const byName = new Map(blamed.map((row) => [`${row.verb} ${nameOf(row.table, row.key)}`, row]));
		this.#refused.push(...byName.values());
	}
}

/** Those that the plan writes to, and those that hold on to rows which it deletes, or which go with them. */
function tablesToCheck(parts: readonly Part[], { tables }: DatabaseSchema): string[] {
	const written = new Set(parts.flatMap((part) => ('step' in part ? [part.step.table] : [])));
	const touched = new Set(written);
	// A set can grow while it is gone through.
	for (const name of touched) {
		for (const table of tables.values()) {
			const goesAlong = table.references.some(
				({ toTable, onDelete }) => toTable === name && onDelete === 'cascade',
			);
			if (goesAlong) touched.add(table.name);
		}
	}
	const holding = [...tables.values()].filter(({ references }) =>
		references.some(({ toTable, onDelete }) => onDelete === 'restrict' && touched.has(toTable)),
	);
	return [...new Set([...written, ...holding.map(({ name }) => name)])];
}

function describeBroken({ table, key, toTable }: BrokenReference): string {
	return `${nameOf(table, key)} ${toTable}`;
}

function nameOf(table: string, key: Key): string {
	return `${table} ${key.map(String).join(',')}`;
}

/**
 * Whether a row that failed may do so only because of one that failed before: it refers to it, or it should go while
 * rows that refer to its table could not.
 */
function mayDependOn(schema: DatabaseSchema, row: RefusedRow, earlier: RefusedRow): boolean {
	if (row.verb === 'delete') {
		const references = schema.tables.get(earlier.table)?.references ?? [];
		return row.table !== earlier.table && references.some(({ toTable }) => toTable === row.table);
	}
	if (earlier.verb === 'delete') return false;
	const key = schema.tables.get(earlier.table)?.primaryKey ?? [];
	const written = (column: string) => earlier.values.get(column) ?? earlier.key[key.indexOf(column)];
	const references = schema.tables.get(row.table)?.references ?? [];
	return references.some(
		({ columns, toTable, toColumns }) =>
			toTable === earlier.table &&
			columns.every((column, index) => {
				const value = row.values.get(column) ?? null;
				return value !== null && String(value) === String(written(toColumns[index] ?? ''));
			}),
	);
}

function halve(part: Part): readonly Part[] | null {
	if ('setting' in part || part.step.kind === 'update') return null;
	const { step } = part;
	const count = step.kind === 'insert' ? step.rows.length : step.keys.length;
	if (count < 2) return null;
	const middle = Math.ceil(count / 2);
	return [
		[0, middle],
		[middle, count],
	].map(([from, to]) => ({
		step:
			step.kind === 'insert'
				? { ...step, rows: step.rows.slice(from, to) }
				: { ...step, keys: step.keys.slice(from, to) },
	}));
}

function rowsOf(part: Part, refusal: StatementRefused): RefusedRow[] {
	const values = new Map<string, Value>();
	if ('setting' in part)
		return [{ table: 'setting', key: [part.setting.name], verb: 'update', refusal, values }];
	const { step } = part;
	const { table } = step;
	switch (step.kind) {
		case 'update':
			return [{ table, key: step.key, verb: 'update', refusal, values: byColumn(step.columns, step.values) }];
		case 'delete':
			return step.keys.map((key) => ({ table, key, verb: 'delete', refusal, values }));
		case 'forget':
			// It is a part of the old monitor's end, or of the new one's beginning.
			return step.keys.map((key) => ({
				table: 'monitor',
				key,
				verb: step.monitor === 'replaced' ? 'delete' : 'insert',
				refusal,
				values,
			}));
		case 'insert': {
			const indexes = step.keyColumns.map((name) => step.columns.findIndex((column) => column.name === name));
			return step.rows.map((row) => ({
				table,
				key: indexes.map((index) => row[index] ?? null),
				verb: 'insert',
				refusal,
				values: byColumn(step.columns, row),
			}));
		}
	}
}

function byColumn(columns: readonly Column[], row: Row): Map<string, Value> {
	return new Map(columns.map(({ name }, index) => [name, row[index] ?? null]));
}
