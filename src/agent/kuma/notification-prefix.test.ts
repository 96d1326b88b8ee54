import { expect, test } from 'vitest';
import { prefixNotifications, sendMessageInsteadOfFixedWords } from './notification-prefix.ts';

function fakeNotification() {
	const sent: unknown[][] = [];
	return {
		sent,
		Notification: {
			provider: 'kept',
			async send(...values: unknown[]) {
				sent.push([this.provider, ...values]);
				return 'Sent Successfully.';
			},
		},
	};
}

test('the message and the names of the monitor are prefixed, on copies', async () => {
	const { Notification, sent } = fakeNotification();
	const monitor = { id: 7, name: 'API', pathName: 'Shop / API' };

	expect(prefixNotifications(Notification, '[ber-1]')).toBe(true);
	const answer = await Notification.send({ type: 'x' }, '[API] [Down] boom', monitor, {
		status: 0,
		msg: 'boom',
	});

	expect(answer).toBe('Sent Successfully.');
	expect(sent).toEqual([
		[
			'kept',
			{ type: 'x' },
			'[ber-1] [API] [Down] boom',
			{ id: 7, name: '[ber-1] API', pathName: '[ber-1] Shop / API' },
			{ status: 0, msg: 'boom' },
		],
	]);
	expect(monitor).toEqual({ id: 7, name: 'API', pathName: 'Shop / API' });
});

test('a test message, which has no monitor, is prefixed as well', async () => {
	const { Notification, sent } = fakeNotification();
	prefixNotifications(Notification, '[ber-1]');

	await Notification.send({ type: 'x' }, 'Hook Testing');

	expect(sent).toEqual([['kept', { type: 'x' }, '[ber-1] Hook Testing', undefined, undefined]]);
});

test('a provider that sends nothing but the heartbeat gets the prefix there, on a copy', async () => {
	const { Notification, sent } = fakeNotification();
	const heartbeat = { status: 0, msg: 'boom' };
	prefixNotifications(Notification, '[ber-1]');

	await Notification.send({ type: 'HeiiOnCall' }, '[API] [Down] boom', { name: 'API' }, heartbeat);

	expect(sent[0]?.at(-1)).toEqual({ status: 0, msg: '[ber-1] boom' });
	expect(heartbeat).toEqual({ status: 0, msg: 'boom' });
});

test('a provider with fixed words sends the message instead', () => {
	const source = 'post({ text: "Test Successful!" }); post({ text: monitor.name });';

	expect(sendMessageInsteadOfFixedWords(source)).toBe('post({ text: msg }); post({ text: monitor.name });');
});

test('an empty prefix leaves everything as it is', async () => {
	const { Notification } = fakeNotification();
	const { send } = Notification;

	expect(prefixNotifications(Notification, '')).toBe(true);

	expect(Notification.send).toBe(send);
});

test('a Kuma without such a class is told apart', () => {
	expect(prefixNotifications(undefined, '[x]')).toBe(false);
	expect(prefixNotifications({}, '[x]')).toBe(false);
});
