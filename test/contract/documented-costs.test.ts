import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CountingReplicator, countingReplicator } from '../kit/counting-replicator.ts';
import { restServer } from '../kit/rest-server.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/choosing-a-repository.md');
const HOURS = 730;
const POLLS_PER_HOUR = 10;
const EDITS = 300;
const REPLICAS = 2;

/** Requests by what providers charge for. */
interface Requests {
	readonly list: number;
	readonly get: number;
	readonly put: number;
	readonly delete: number;
}

let markdown: string;
beforeAll(async () => {
	markdown = await readFile(DOCUMENT, 'utf8');
});

/** The row of a table in the document that begins so. */
function documented(title: string): number[] {
	const row = markdown.split('\n').find((line) => line.startsWith(`| ${title}`));
	if (row === undefined) throw new Error(`There is no row "${title}" in ${DOCUMENT}`);
	const cells = row.split('|').slice(2, -1);
	return cells.map((cell) => Number(cell.trim().replaceAll(',', '')));
}

function documentedRequests(title: string): Requests {
	const [list = 0, get = 0, put = 0, deleted = 0] = documented(title);
	return { list, get, put, delete: deleted };
}

function count(requests: readonly string[]): Requests {
	const isList = (request: string) => /^GET .*\/(keys|snapshots|index|locks|data)\/$/.test(request);
	return {
		list: requests.filter(isList).length,
		get: requests.filter((request) => /^(GET|HEAD) /.test(request) && !isList(request)).length,
		put: requests.filter((request) => request.startsWith('POST ')).length,
		delete: requests.filter((request) => request.startsWith('DELETE ')).length,
	};
}

function add(...all: readonly Requests[]): Requests {
	const sum = (key: keyof Requests) => all.reduce((total, each) => total + each[key], 0);
	return { list: sum('list'), get: sum('get'), put: sum('put'), delete: sum('delete') };
}

describe('what the documents say of costs', () => {
	test('is at least what a repository is asked', async () => {
		const server = await restServer();
		const leader = await countingReplicator(server.location, 'BACKUP');
		const replica = await countingReplicator(server.location, 'RESTORE');
		const counted = async ({ replicator }: CountingReplicator) => {
			server.requests.length = 0;
			await replicator.cycle();
			return count(server.requests);
		};
		for (const { replicator } of [leader, replica, leader]) await replicator.cycle();
		const database = new DatabaseSync(leader.path);
		database.exec("UPDATE monitor SET description = 'edited' WHERE id = (SELECT min(id) FROM monitor)");
		database.close();

		const published = await counted(leader);
		const lookedAgain = await counted(leader);
		const fetched = await counted(replica);
		const polled = await counted(replica);

		const atMost = (asked: Requests, title: string) => {
			for (const [kind, number] of Object.entries(documentedRequests(title)))
				expect(asked[kind as keyof Requests], `${title}: ${kind}`).toBeLessThanOrEqual(number);
		};
		atMost(add(published, lookedAgain), 'leader publishes a snapshot');
		atMost(lookedAgain, 'leader, nothing edited');
		atMost(fetched, 'replica fetches and applies it');
		atMost(polled, 'replica, nothing new');
	});

	test('adds up', () => {
		const leader = documentedRequests('leader, nothing edited');
		const replica = documentedRequests('replica, nothing new');
		const published = documentedRequests('leader publishes a snapshot');
		const fetched = documentedRequests('replica fetches and applies it');
		const times = (each: Requests, factor: number): Requests => ({
			list: each.list * factor,
			get: each.get * factor,
			put: each.put * factor,
			delete: each.delete * factor,
		});
		const leaderMonth = times(leader, HOURS);
		const replicaMonth = times(replica, HOURS * POLLS_PER_HOUR);
		const edit = add(published, times(fetched, REPLICAS));
		const month = add(leaderMonth, times(replicaMonth, REPLICAS), times(edit, EDITS));
		const total = ({ list, get, put }: Requests) => list + get + put;
		const dollars = (perThousand: Pick<Requests, 'list' | 'get' | 'put'>) =>
			(month.list * perThousand.list + month.get * perThousand.get + month.put * perThousand.put) / 1000;

		expect(documented('leader  ')).toEqual([leaderMonth.list, leaderMonth.get, total(leaderMonth)]);
		expect(documented('each replica ')).toEqual([replicaMonth.list, replicaMonth.get, total(replicaMonth)]);
		expect(markdown).toContain(`adds ${edit.list} LIST, ${edit.get} GET or HEAD, and ${edit.put} PUT`);
		const figures = [month.list, month.get, month.put].map((figure) => figure.toLocaleString('en-US'));
		expect(markdown).toContain(
			`${EDITS} edits a month come to ${figures[0]} LIST, ${figures[1]} GET and HEAD, and ${figures[2]} PUT`,
		);
		const onS3 = dollars({ list: 0.005, get: 0.0004, put: 0.005 }).toFixed(2);
		expect(markdown).toMatch(new RegExp(`^\\| Amazon S3 .*\\| \\$${onS3} +\\|$`, 'm'));
	});
});
