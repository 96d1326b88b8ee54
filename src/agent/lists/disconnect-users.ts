import type { AgentChange, AgentChanges } from '../../model/agent-protocol.ts';
import type { Kuma } from '../kuma/kuma.ts';
import { isWholeTable } from './whole-table.ts';

/** Who may be in is another question after a change of these. */
const LOCKING_COLUMNS = ['password', 'active'];

/**
 * Kuma's own rule: who changes a password, ends every open session of that user. Where everything may have changed, so
 * may each password and each list on a page: all pages load anew, and whoever may still be in is in again at once.
 */
export function disconnectUsers(kuma: Kuma, { rows }: AgentChanges): void {
	const locking = rows.filter(isLocking);
	const users = new Set(locking.map(({ key }) => Number(key[0])));
	const isEverybody = locking.some(isWholeTable);
	const failures: unknown[] = [];
	for (const socket of kuma.server?.io?.sockets?.sockets?.values() ?? []) {
		const isIn = socket.userID !== undefined && socket.userID !== null;
		if (!isIn || !(isEverybody || users.has(Number(socket.userID)))) continue;
		try {
			socket.emit?.('refresh');
			socket.disconnect?.();
		} catch (error) {
			// A session that cannot be ended keeps no other one open.
			failures.push(error);
		}
	}
	if (failures.length > 0) throw failures[0];
}

function isLocking({ table, kind, columns }: AgentChange): boolean {
	if (table !== 'user' || kind === 'added') return false;
	return kind !== 'changed' || LOCKING_COLUMNS.some((name) => columns.includes(name));
}
