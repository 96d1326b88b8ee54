import { describe, expect, test } from 'vitest';
import { writtenTable } from './change-events.ts';

const WATCHED = { monitor: ['dns_last_result'], user: ['twofa_last_token'], group: [], monitor_tag: [] };

describe('the table that a statement writes', () => {
	test.each([
		['insert into `monitor` (`name`, `url`) values (?, ?)', 'monitor'],
		['INSERT INTO monitor_tag (tag_id, monitor_id) VALUES (?, ?)', 'monitor_tag'],
		['update `monitor` set `name` = ?, `dns_last_result` = ? where `id` = ?', 'monitor'],
		['UPDATE monitor SET active = 1 WHERE id = ? AND user_id = ? ', 'monitor'],
		['UPDATE "group" SET name = ?', 'group'],
		['delete from `user` where `id` = ?', 'user'],
		['insert or replace into `group` values (1)', 'group'],
		['replace into `group` values (1)', 'group'],
	])('%s', (sql, table) => {
		expect(writtenTable(sql, WATCHED)).toBe(table);
	});

	test.each([
		['select * from `monitor` where `id` = ?'],
		['insert into `heartbeat` (`monitor_id`) values (?)'],
		['update `stat_minutely` set `up` = ?'],
		['insert into `monitor_tls_info` values (1)'],
		['UPDATE `monitor` SET dns_last_result = ? WHERE id = ? '],
		['update `user` set `twofa_last_token` = ? where `id` = ?'],
		['PRAGMA foreign_keys = ON'],
		['BEGIN;'],
		[''],
	])('none that is watched: %s', (sql) => {
		expect(writtenTable(sql, WATCHED)).toBeNull();
	});
});
