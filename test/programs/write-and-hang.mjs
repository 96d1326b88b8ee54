// Changes much in one transaction, says so, and never ends it. The database comes in DATABASE_CONFIG.
import { openDatabase } from '../../src/database/open-database.ts';

const database = await openDatabase(JSON.parse(process.env.DATABASE_CONFIG));
await database.write(async (writer) => {
	const schema = await writer.schema();
	const columns = schema.tables.get('tag').columns;
	const tags = await writer.rows({ table: 'tag', columns, orderBy: ['id'] });
	await writer.delete({ table: 'tag', keyColumns: ['id'], keys: tags.map(([id]) => [id]) });
	await writer.insert({ table: 'tag', columns, rows: tags.slice(0, 3) });
	process.stdout.write('written\n');
	await new Promise((resolve) => setInterval(resolve, 2 ** 30));
});
