import { describeError } from '../describe-error.ts';
import type { Kuma, KumaSocket } from '../kuma/kuma.ts';

/** Above this many, one whole list is less work than one message a monitor. */
const SINGLE_UPDATES_MAX = 20;

/** Which of a table's lists Kuma's own pages are sent. */
const LISTS: Readonly<Record<string, string>> = {
	notification: 'sendNotificationList',
	proxy: 'sendProxyList',
	docker_host: 'sendDockerHostList',
	remote_browser: 'sendRemoteBrowserList',
	api_key: 'sendAPIKeyList',
};

export interface UnsentList {
	/** The table that it lists. */
	readonly list: string;
	readonly problem: string;
}

type Push = (list: string, send: () => unknown) => Promise<void>;

/**
 * Sends changed lists to the pages of everybody who is logged in, as Kuma does after an edit of its own.
 * @param changed.unsentLists what could not be sent before, and is sent as a whole.
 * @returns what could not be sent.
 */
export async function pushLists(
	kuma: Kuma,
	changed: {
		readonly tables: ReadonlySet<string>;
		readonly monitors: readonly number[];
		readonly removedMonitors: readonly number[];
		readonly unsentLists: readonly string[];
	},
): Promise<UnsentList[]> {
	const { server, StatusPage, client } = kuma;
	const lists = new Set([...changed.tables, ...changed.unsentLists]);
	const unsent: UnsentList[] = [];
	const push: Push = async (list, send) => {
		try {
			await send();
		} catch (error) {
			unsent.push({
				list,
				problem: `the list of table ${list} could not be sent to a page: ${describeError(error)}`,
			});
		}
	};
	for (const socket of loggedInUsers(kuma)) {
		await pushMonitors(kuma, { ...changed, socket, push });
		if (lists.has('maintenance') || lists.has('monitor_maintenance'))
			await push('maintenance', () => server?.sendMaintenanceListByUserID?.(socket.userID));
		if (lists.has('status_page'))
			await push('status_page', () => StatusPage?.sendStatusPageList?.(server?.io, socket));
		for (const [table, name] of Object.entries(LISTS)) {
			const send = client?.[name];
			if (lists.has(table) && typeof send === 'function') await push(table, () => send(socket));
		}
	}
	return unsent;
}

async function pushMonitors(
	kuma: Kuma,
	request: {
		readonly socket: KumaSocket;
		readonly monitors: readonly number[];
		readonly removedMonitors: readonly number[];
		readonly unsentLists: readonly string[];
		readonly push: Push;
	},
): Promise<void> {
	const { server } = kuma;
	const { socket, monitors, removedMonitors, unsentLists, push } = request;
	const isWhole = unsentLists.includes('monitor');
	const count = monitors.length + removedMonitors.length;
	if (count === 0 && !isWhole) return;
	const canUpdate =
		server?.sendUpdateMonitorIntoList !== undefined && server.sendDeleteMonitorFromList !== undefined;
	if (isWhole || !canUpdate || count > SINGLE_UPDATES_MAX) {
		await push('monitor', () => server?.sendMonitorList?.(socket));
		return;
	}
	for (const id of removedMonitors)
		await push('monitor', () => server.sendDeleteMonitorFromList?.(socket, id));
	for (const id of monitors) await push('monitor', () => server.sendUpdateMonitorIntoList?.(socket, id));
}

/** One entry a user, whose pages Kuma addresses together. */
function loggedInUsers(kuma: Kuma): KumaSocket[] {
	const ids = new Set<unknown>();
	for (const { userID } of kuma.server?.io?.sockets?.sockets?.values() ?? []) {
		if (userID !== undefined && userID !== null) ids.add(userID);
	}
	return [...ids].map((userID) => ({ userID }));
}
