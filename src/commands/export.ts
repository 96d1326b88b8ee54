import { chmod, mkdir, readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { fileError } from '../files/file-error.ts';
import { takeSnapshot } from '../instance/snapshots/take-snapshot.ts';
import { describeMissing } from '../leader/report-publish.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { writeJsonTree } from '../snapshot/write-json-tree.ts';
import { writeSqlTree } from '../snapshot/write-sql-tree.ts';
import { writeTree } from '../snapshot/write-tree.ts';
import { openContext } from './opening/open-context.ts';
import { openReader } from './opening/open-reader.ts';
import type { ExportEnd } from './printing/answers.ts';
import { colour, printJson, printLine } from './printing/print.ts';

const FORMATS = ['csv', 'sql', 'json'] as const;

interface Options {
	readonly format: (typeof FORMATS)[number];
	readonly json: boolean;
}

const WRITERS = { csv: writeTree, sql: writeSqlTree, json: writeJsonTree } as const;

export function addExportCommand(program: Command): void {
	program
		.command('export')
		.description('write what this instance has into a folder, without a repository')
		.argument('<directory>', 'a folder that does not exist yet or is empty')
		.addOption(new Option('--format <format>', 'csv is what "import" reads').choices(FORMATS).default('csv'))
		.option('--json', 'print the result as JSON', false)
		.addHelpText(
			'after',
			`
The folder holds password hashes and tokens: it is made readable for this user only. Kuma may be running.

Exit codes: 0 exported, 1 failed.

Examples:
  $ DATA_DIR=/app/data replicator-kuma export /backup/kuma
  $ replicator-kuma export ./kuma-sql --format sql`,
		)
		.action(async (directory: string, { format, json }: Options) => {
			const context = openContext({ needsRepository: false });
			const target = resolve(directory);
			const instance = await openReader(context);
			const opened = await instance.openDatabase();
			if (opened.outcome === 'not-set-up') {
				throw new ReplicatorError(`Kuma's database is not set up yet: ${opened.reason}.`, {
					code: 'database-not-set-up',
					hint: "Choose a database in Kuma's wizard first, or check DATA_DIR.",
				});
			}
			const { content, encoded, manifest, missingImages } = await takeSnapshot(instance, opened.database);
			await prepareTarget(target);
			try {
				await WRITERS[format]({ directory: target, content, encoded, manifest: manifest(null) });
			} catch (cause) {
				throw fileError({ path: target, verb: 'write', cause });
			}
			const rowCount = encoded.tables.reduce((sum, table) => sum + table.rowCount, 0);
			const result: ExportEnd = {
				directory: target,
				format,
				digest: encoded.digest,
				tables: encoded.tables.length,
				rows: rowCount,
				files: encoded.files.length,
				missingImages,
			};
			if (json) return printJson<ExportEnd>(result);
			printLine(
				`Exported ${rowCount} rows of ${encoded.tables.length} tables and ${encoded.files.length} files to ${target}.`,
			);
			if (missingImages.length > 0) printLine(colour('yellow', describeMissing(missingImages)));
		});
}

async function prepareTarget(directory: string): Promise<void> {
	let names: string[];
	try {
		await mkdir(directory, { recursive: true, mode: 0o700 });
		names = await readdir(directory);
		// One that was there already may be open to others.
		if (names.length === 0) await chmod(directory, 0o700);
	} catch (cause) {
		throw fileError({ path: directory, verb: 'create', cause });
	}
	if (names.length > 0) {
		throw new ReplicatorError(`The folder ${directory} is not empty.`, {
			code: 'refused',
			hint: 'Name a folder that does not exist yet; nothing is overwritten.',
		});
	}
}
