import type { Kuma, KumaSocket } from './kuma.ts';

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

/**
 * Sends changed lists to the pages of everybody who is logged in, as Kuma does after an edit of its own.
 * @returns what could not be sent.
 */
export async function pushLists(
	kuma: Kuma,
	changed: {
		readonly tables: ReadonlySet<string>;
		readonly monitors: readonly number[];
		readonly removedMonitors: readonly number[];
	},
): Promise<string[]> {
	const { server, StatusPage, client } = kuma;
	const { tables } = changed;
	const problems: string[] = [];
	const push = async (what: string, send: () => unknown) => {
		try {
			await send();
		} catch (error) {
			problems.push(`${what} could not be sent to a page: ${String(error)}`);
		}
	};
	for (const socket of loggedInUsers(kuma)) {
		await pushMonitors(kuma, { ...changed, socket, push });
		if (tables.has('maintenance') || tables.has('monitor_maintenance'))
			await push('maintenances', () => server?.sendMaintenanceListByUserID?.(socket.userID));
		if (tables.has('status_page'))
			await push('status pages', () => StatusPage?.sendStatusPageList?.(server?.io, socket));
		for (const [table, name] of Object.entries(LISTS)) {
			const send = client?.[name];
			if (tables.has(table) && typeof send === 'function') await push(name, () => send(socket));
		}
	}
	return problems;
}

async function pushMonitors(
	kuma: Kuma,
	request: {
		readonly socket: KumaSocket;
		readonly monitors: readonly number[];
		readonly removedMonitors: readonly number[];
		readonly push: (what: string, send: () => unknown) => Promise<void>;
	},
): Promise<void> {
	const { server } = kuma;
	const { socket, monitors, removedMonitors, push } = request;
	const count = monitors.length + removedMonitors.length;
	if (count === 0) return;
	const canUpdate =
		server?.sendUpdateMonitorIntoList !== undefined && server.sendDeleteMonitorFromList !== undefined;
	if (!canUpdate || count > SINGLE_UPDATES_MAX) {
		await push('monitors', () => server?.sendMonitorList?.(socket));
		return;
	}
	for (const id of removedMonitors)
		await push('monitors', () => server.sendDeleteMonitorFromList?.(socket, id));
	for (const id of monitors) await push('monitors', () => server.sendUpdateMonitorIntoList?.(socket, id));
}

/** One entry a user, whose pages Kuma addresses together. */
function loggedInUsers(kuma: Kuma): KumaSocket[] {
	const ids = new Set<unknown>();
	for (const { userID } of kuma.server?.io?.sockets?.sockets?.values() ?? []) {
		if (userID !== undefined && userID !== null) ids.add(userID);
	}
	return [...ids].map((userID) => ({ userID }));
}
