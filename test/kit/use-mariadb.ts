import { afterAll, beforeAll } from 'vitest';
import { DATABASE_KINDS } from './database-kinds.ts';
import { type PrivateMariadb, startPrivateMariadb } from './private-mariadb.ts';

/**
 * Starts a MariaDB server before the tests of a file, or of a `describe`, and stops it after them. Where KINDS leaves
 * MariaDB out, nothing is started, and there must be no test that uses it.
 * @param prepare done once, before the first test.
 * @returns the server, to be used in tests and hooks alone.
 */
export function useMariadb(prepare?: (server: PrivateMariadb) => Promise<void>): PrivateMariadb {
	let running: PrivateMariadb | undefined;
	beforeAll(async () => {
		if (!DATABASE_KINDS.includes('mariadb')) return;
		running = await startPrivateMariadb();
		await prepare?.(running);
	});
	afterAll(() => running?.stop());
	return new Proxy({} as PrivateMariadb, {
		get: (_target, name) => {
			if (running === undefined) throw new Error('MariaDB has not been started, or KINDS leaves it out');
			return Reflect.get(running, name);
		},
	});
}
