interface Sender {
	send?(notification: unknown, message: unknown, monitor?: unknown, heartbeat?: unknown): unknown;
}

/** Providers that send neither the message nor the monitor, but the heartbeat as it is. */
const HEARTBEAT_ONLY: readonly unknown[] = ['HeiiOnCall'];

/** Providers that, without a heartbeat, send these words and not the message: for a certificate that runs out, too. */
const FIXED_WORDS = '"Test Successful!"';
export const FIXED_WORDS_FILES = ['line.js', 'onechat.js'].map(
	(name) => `server/notification-providers/${name}`,
);

/**
 * Puts the prefix in front of everything that this Kuma notifies. Some providers print the message, others only the
 * monitor's name or path, so all of them get it, on copies: Kuma's own objects stay as they are.
 * @param notificationClass Kuma's class Notification.
 * @returns whether it is as expected.
 */
export function prefixNotifications(notificationClass: unknown, prefix: string): boolean {
	const sender = notificationClass as Sender | undefined;
	const send = sender?.send;
	if (sender === undefined || typeof send !== 'function') return false;
	if (prefix === '') return true;
	const prefixed = (text: unknown) => (typeof text === 'string' && text !== '' ? `${prefix} ${text}` : text);
	sender.send = function (this: unknown, notification, message, monitor, heartbeat) {
		const isHeartbeatOnly = HEARTBEAT_ONLY.includes((notification as { type?: unknown } | null)?.type);
		return send.call(
			this,
			notification,
			prefixed(message),
			prefixMonitor(monitor, prefixed),
			isHeartbeatOnly ? prefixHeartbeat(heartbeat, prefixed) : heartbeat,
		);
	};
	return true;
}

/** @returns the text of such a provider, which sends the message instead of its fixed words. */
export function sendMessageInsteadOfFixedWords(source: string): string {
	return source.replaceAll(FIXED_WORDS, 'msg');
}

function prefixHeartbeat(heartbeat: unknown, prefixed: (text: unknown) => unknown): unknown {
	if (typeof heartbeat !== 'object' || heartbeat === null) return heartbeat;
	const { msg, ...rest } = heartbeat as { msg?: unknown };
	return { ...rest, msg: prefixed(msg) };
}

function prefixMonitor(monitor: unknown, prefixed: (text: unknown) => unknown): unknown {
	if (typeof monitor !== 'object' || monitor === null) return monitor;
	const { name, pathName, ...rest } = monitor as { name?: unknown; pathName?: unknown };
	return {
		...rest,
		name: prefixed(name),
		...(pathName === undefined ? {} : { pathName: prefixed(pathName) }),
	};
}
