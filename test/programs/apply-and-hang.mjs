// Applies a snapshot, and stops for ever before the step whose number it is given; then it says which step that is. When
// there are fewer steps, it says "applied". What it needs comes as JSON in APPLY_AND_HANG.
import { openUploads } from '../../src/apply/upload-directory.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { applyTrees } from '../kit/apply-trees.ts';

const { config, dataDirectory, wanted, previous, stopAt } = JSON.parse(process.env.APPLY_AND_HANG);
let stepCount = 0;

async function reach(step) {
	stepCount += 1;
	if (stepCount !== stopAt) return;
	process.stdout.write(`${step}\n`);
	await new Promise(() => setInterval(() => {}, 2 ** 30));
}

/** Every row is a statement of its own, as SQLite has it. */
function stoppingWriter(writer) {
	return {
		schema: () => writer.schema(),
		rows: (request) => writer.rows(request),
		countBrokenReferences: (tables) => writer.countBrokenReferences(tables),
		insert: async ({ rows, ...request }) => {
			for (const row of rows) {
				await reach(`insert into ${request.table}`);
				await writer.insert({ ...request, rows: [row] });
			}
		},
		update: async (request) => {
			await reach(`update ${request.table}`);
			return writer.update(request);
		},
		delete: async (request) => {
			await reach(`delete from ${request.table}`);
			return writer.delete(request);
		},
	};
}

function stoppingDatabase(database) {
	return {
		...database,
		write: async (write) => {
			await database.write(async (writer) => {
				await write(stoppingWriter(writer));
				await reach('commit');
			});
			await reach('committed');
		},
		deleteInSlices: async (request) => {
			await reach(`delete history in ${request.table}`);
			return database.deleteInSlices(request);
		},
	};
}

function stoppingUploads(uploads) {
	return {
		read: (path) => uploads.read(path),
		write: async (path, content) => {
			await reach(`write ${path}`);
			await uploads.write(path, content);
		},
		remove: async (path) => {
			await reach(`remove ${path}`);
			await uploads.remove(path);
		},
	};
}

const database = stoppingDatabase(await openDatabase(config));
const { outcome } = await applyTrees(
	{ database, uploads: stoppingUploads(openUploads(dataDirectory)) },
	{ wanted, previous },
);
process.stdout.write(`${outcome}\n`);
