import type { Kuma } from '../kuma/kuma.ts';
import type { ServerAccess } from '../kuma/server-access.ts';

/** The first user came from the leader: the set-up page has nothing more to set up. */
export async function endSetup(kuma: Kuma, access: ServerAccess | null): Promise<void> {
	if (access?.needSetup !== true) return;
	const count = await kuma.beans?.getCell?.('SELECT count(*) FROM user');
	if (Number(count) === 0) return;
	access.needSetup = false;
	kuma.server?.io?.emit?.('refresh');
}
