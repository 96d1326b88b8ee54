import { expect, test } from 'vitest';
import { rehearsePlan } from '../../src/apply/rehearse-plan.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import type { Step } from '../../src/model/plan.ts';
import type { Column } from '../../src/model/row.ts';
import { type RefusingPair, refusingPair } from '../kit/refusing-pair.ts';
import { useMariadb } from '../kit/use-mariadb.ts';

const server = useMariadb();

/** An edit that must arrive whatever else is refused. */
const UNRELATED = "UPDATE monitor SET name = 'An unrelated edit' WHERE id = 5;";

async function expectUnrelated(pair: RefusingPair): Promise<void> {
	expect((await pair.column('monitor', 'name')).get(5)).toBe('An unrelated edit');
}

test('a name that its character set lacks sets one row aside', async () => {
	const pair = await refusingPair('mariadb', {
		server,
		prepare: (database) =>
			server.run(
				'ALTER TABLE tag CONVERT TO CHARACTER SET latin1; ALTER TABLE monitor MODIFY name VARCHAR(150) CHARACTER SET latin2',
				database,
			),
	});

	await pair.publish(
		`UPDATE tag SET name = '本番' WHERE id = 1; UPDATE tag SET name = 'Zürich – “quoted”' WHERE id = 2;
		UPDATE monitor SET name = 'Überwachung 監視' WHERE id = 3; UPDATE monitor SET name = 'Žižkov' WHERE id = 4; ${UNRELATED}`,
	);

	await expectUnrelated(pair);
	expect((await pair.column('tag', 'name')).get(2)).toBe('Zürich – “quoted”');
	expect((await pair.column('monitor', 'name')).get(4)).toBe('Žižkov');
	expect(pair.setAside().map(({ table, key }) => `${table}/${key}`)).toEqual(['tag/1', 'monitor/3']);
});

test('two domains that its collation takes for one set the second aside', async () => {
	const pair = await refusingPair('mariadb', {
		server,
		prepare: (database) =>
			server.run(
				'ALTER TABLE status_page_cname CONVERT TO CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci',
				database,
			),
	});

	await pair.publish(
		`INSERT INTO status_page_cname (id, status_page_id, domain) VALUES (70, 1, 'strase.example'), (71, 1, 'straße.example'), (72, 1, 'other.example'); ${UNRELATED}`,
	);

	await expectUnrelated(pair);
	const domains = await pair.column('status_page_cname', 'domain');
	expect([domains.get(70), domains.get(71), domains.get(72)]).toEqual([
		'strase.example',
		undefined,
		'other.example',
	]);
	expect(pair.setAside().map(({ table, key }) => `${table}/${key}`)).toEqual(['status_page_cname/71']);
	expect(pair.setAside()[0]?.reason).toContain('Duplicate entry');
});

test('a row that is larger than it takes sets one row aside', async () => {
	const pair = await refusingPair('mariadb', {
		server,
		prepare: (database) => server.run('ALTER TABLE monitor MODIFY body LONGTEXT', database),
	});
	await server.run('SET GLOBAL max_allowed_packet = 1048576');
	try {
		await pair.publish(
			`UPDATE monitor SET description = NULL, body = printf('%.*c', 2000000, 'x') WHERE id = 3;
			INSERT INTO tag (id, name, color) VALUES (70, 'new', '#fff'); ${UNRELATED}`,
		);
	} finally {
		await server.run('SET GLOBAL max_allowed_packet = 16777216');
	}

	await expectUnrelated(pair);
	expect((await pair.column('tag', 'name')).get(70)).toBe('new');
	expect(pair.setAside()).toMatchObject([{ table: 'monitor', key: '3' }]);
	expect(pair.setAside()[0]?.reason).toContain('max_allowed_packet');
});

test.each([
	['one at the end', [1_700]],
	['one at the beginning, one in the middle and two at the end', [1, 850, 1_699, 1_700]],
])(
	'of 1,700 rows the refused ones are found with hardly more round trips than the rows: %s',
	async (_where, bad) => {
		const config = await server.createDatabase(`many_${bad.length}`);
		await server.run(
			"CREATE TABLE many (id INT PRIMARY KEY, name VARCHAR(5)); INSERT INTO many SELECT seq, 'old' FROM seq_1_to_1700",
			config.database,
		);
		const database = await openDatabase(config);
		const columns: Column[] = [{ name: 'name', declared: 'varchar(5)', isNullable: true }];
		const steps = Array.from({ length: 1_700 }, (_, index): Step => {
			const values = [bad.includes(index + 1) ? 'much too long' : 'new'];
			return { kind: 'update', table: 'many', keyColumns: ['id'], key: [index + 1], columns, values };
		});
		const before = await askedSoFar();

		const refused = await rehearsePlan({ plan: { steps, settings: [] }, database });

		const asked = (await askedSoFar()) - before;
		expect(refused.map(({ key }) => key)).toEqual(bad.map((id) => [id]));
		expect(asked).toBeLessThan(1_700 + 150 * (bad.length + 1));
	},
);

/** How much the server has been asked for over the network, by everybody. */
async function askedSoFar(): Promise<number> {
	const [row] = await server.ask("SHOW GLOBAL STATUS LIKE 'Questions'");
	return Number(row?.[1]);
}
