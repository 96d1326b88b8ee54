import { type EventEmitter, once } from 'node:events';
import { io, type Socket } from 'socket.io-client';
import { type MonitorFields, monitorForm } from './kuma-monitor-form.ts';
import { waitFor } from './wait-for.ts';

const RECONNECT_MS = 100;
const CONNECT_MS = 20_000;
/** Checking a password is slow on purpose, and Kuma answers a login only after it has sent every list. */
const CALL_MS = 30_000;

type Fields = Readonly<Record<string, unknown>>;
type Reply = Readonly<Record<string, unknown>>;

/** Something that Kuma sends to its pages by itself. */
export interface Push {
	readonly event: string;
	readonly values: readonly unknown[];
}

/** A group of monitors on a status page; without an id it is a new one. */
export interface StatusPageGroup {
	readonly id?: number;
	readonly name: string;
	readonly monitorList: readonly { readonly id: number; readonly sendUrl?: boolean; readonly url?: string }[];
}

/**
 * Does through Kuma's socket what a person does on its pages, on every release of version 2. Each call has a deadline
 * and throws what Kuma answers when it refuses. It does not reconnect: after a restart of Kuma, connect anew.
 */
export class KumaClient {
	readonly #socket: Socket;
	#version: string | undefined;
	#monitors: Readonly<Record<string, Fields>> = {};
	#pushes: Push[] = [];

	private constructor(socket: Socket) {
		this.#socket = socket;
		// Kuma tells its version only to who has logged in.
		socket.on('info', (info: { version?: string }) => {
			this.#version = info.version ?? this.#version;
		});
		socket.on('monitorList', (monitors: Record<string, Fields>) => {
			this.#monitors = monitors;
		});
		socket.onAny((event: string, ...values: unknown[]) => {
			this.#pushes.push({ event, values });
		});
	}

	static async connect(url: string): Promise<KumaClient> {
		const socket = io(url, {
			transports: ['websocket'],
			forceNew: true,
			reconnection: false,
			autoConnect: false,
		});
		const client = new KumaClient(socket);
		try {
			await ready(socket, url);
		} catch (error) {
			socket.disconnect();
			throw error;
		}
		return client;
	}

	/** Kuma's version; known after a login. */
	get version(): string {
		if (this.#version === undefined) throw new Error('Kuma tells its version after the login');
		return this.#version;
	}

	/** Whether Kuma has not thrown this client out. */
	get isConnected(): boolean {
		return this.#socket.connected;
	}

	/** @returns what Kuma has sent by itself since this was asked for the last time. */
	takePushes(): readonly Push[] {
		const pushes = this.#pushes;
		this.#pushes = [];
		return pushes;
	}

	close(): void {
		this.#socket.disconnect();
	}

	/** Sends any event and waits for its answer. @throws Error with Kuma's message when it answers "not ok". */
	async call(event: string, ...parameters: readonly unknown[]): Promise<Reply> {
		const reply = (await this.#emit(event, parameters)) as Reply;
		if (reply.ok !== true)
			throw new Error(`Kuma refuses ${event}: ${String(reply.msg ?? JSON.stringify(reply))}`);
		return reply;
	}

	/** Waits for something that Kuma tells its pages by itself. */
	async next(event: string, timeoutMs: number): Promise<void> {
		await once(this.#socket as unknown as EventEmitter, event, { signal: AbortSignal.timeout(timeoutMs) });
	}

	async needsSetup(): Promise<boolean> {
		return (await this.#emit('needSetup', [])) === true;
	}

	/** Makes the first user and logs in. */
	async setup(username: string, password: string): Promise<void> {
		await this.call('setup', username, password);
		await this.login(username, password);
	}

	async login(username: string, password: string): Promise<void> {
		await this.call('login', { username, password, token: '' });
		await waitFor(() => this.#version !== undefined, {
			timeoutMs: CALL_MS,
			what: "Kuma's version after the login",
		});
	}

	/** @param fields what differs from the page's own defaults; at least a name. @returns the monitor's id. */
	async addMonitor(fields: MonitorFields): Promise<number> {
		return idIn(await this.call('add', monitorForm(this.version, fields)), 'monitorID');
	}

	async monitor(id: number): Promise<Fields> {
		return fieldsIn(await this.call('getMonitor', id), 'monitor');
	}

	async editMonitor(id: number, changes: MonitorFields): Promise<void> {
		await this.call('editMonitor', { ...(await this.monitor(id)), ...changes });
	}

	async deleteMonitor(id: number): Promise<void> {
		await this.call('deleteMonitor', id);
	}

	async pauseMonitor(id: number): Promise<void> {
		await this.call('pauseMonitor', id);
	}

	async resumeMonitor(id: number): Promise<void> {
		await this.call('resumeMonitor', id);
	}

	/** @returns every monitor as Kuma sends it to its pages, by id. */
	async monitorList(): Promise<ReadonlyMap<number, Fields>> {
		await this.call('getMonitorList');
		return new Map(Object.entries(this.#monitors).map(([id, monitor]) => [Number(id), monitor]));
	}

	async addTag(tag: { readonly name: string; readonly color: string }): Promise<number> {
		return idIn(fieldsIn(await this.call('addTag', tag), 'tag'), 'id');
	}

	async deleteTag(id: number): Promise<void> {
		await this.call('deleteTag', id);
	}

	async addMonitorTag(link: { readonly tagId: number; readonly monitorId: number; readonly value?: string }) {
		await this.call('addMonitorTag', link.tagId, link.monitorId, link.value ?? '');
	}

	/** @param id of the notification to change; a new one without it. */
	async addNotification(notification: Fields, id: number | null = null): Promise<number> {
		const fields = { isDefault: false, applyExisting: false, ...notification };
		return idIn(await this.call('addNotification', fields, id), 'id');
	}

	async deleteNotification(id: number): Promise<void> {
		await this.call('deleteNotification', id);
	}

	async addStatusPage(title: string, slug: string): Promise<void> {
		await this.call('addStatusPage', title, slug);
	}

	async statusPage(slug: string): Promise<Fields> {
		return fieldsIn(await this.call('getStatusPage', slug), 'config');
	}

	/**
	 * @param changes to the page's configuration as {@link statusPage} returns it; a `slug` renames the page.
	 * @param content its image as a `data:image/png;base64,` URL, or its groups; what is left out: the image stays, there
	 * are no groups.
	 * @returns the groups with their ids.
	 */
	async saveStatusPage(
		slug: string,
		changes: Fields,
		content: { readonly image?: string; readonly groups?: readonly StatusPageGroup[] } = {},
	): Promise<readonly StatusPageGroup[]> {
		const page = await this.statusPage(slug);
		const image = content.image ?? String(page.icon ?? '');
		const reply = await this.call(
			'saveStatusPage',
			slug,
			{ analyticsType: null, ...page, ...changes },
			image,
			content.groups ?? [],
		);
		return reply.publicGroupList as readonly StatusPageGroup[];
	}

	async deleteStatusPage(slug: string): Promise<void> {
		await this.call('deleteStatusPage', slug);
	}

	/** Posts and pins an incident; one with an `id` is changed. */
	async addIncident(slug: string, incident: Fields): Promise<number> {
		const fields = { style: 'info', ...incident };
		return idIn(fieldsIn(await this.call('postIncident', slug, fields), 'incident'), 'id');
	}

	/** A maintenance that people switch by hand, unless `fields` say another strategy. */
	async addMaintenance(fields: Fields): Promise<number> {
		const form = {
			title: '',
			description: '',
			strategy: 'manual',
			active: true,
			cron: '30 3 * * *',
			durationMinutes: 60,
			intervalDay: 1,
			dateRange: [],
			timeRange: [
				{ hours: 2, minutes: 0 },
				{ hours: 3, minutes: 0 },
			],
			weekdays: [],
			daysOfMonth: [],
			timezoneOption: 'SAME_AS_SERVER',
			...fields,
		};
		return idIn(await this.call('addMaintenance', form), 'maintenanceID');
	}

	/** Replaces what a maintenance covers. */
	async setMaintenanceScope(
		id: number,
		scope: { readonly monitors: readonly number[]; readonly statusPages: readonly number[] },
	): Promise<void> {
		const rows = (ids: readonly number[]) => ids.map((each) => ({ id: each }));
		await this.call('addMonitorMaintenance', id, rows(scope.monitors));
		await this.call('addMaintenanceStatusPage', id, rows(scope.statusPages));
	}

	async deleteMaintenance(id: number): Promise<void> {
		await this.call('deleteMaintenance', id);
	}

	/** @param id of the proxy to change; a new one without it. */
	async addProxy(proxy: Fields, id: number | null = null): Promise<number> {
		const form = {
			protocol: 'http',
			auth: false,
			active: true,
			default: false,
			applyExisting: false,
			...proxy,
		};
		return idIn(await this.call('addProxy', form, id), 'id');
	}

	async deleteProxy(id: number): Promise<void> {
		await this.call('deleteProxy', id);
	}

	/** @param id of the Docker host to change; a new one without it. */
	async addDockerHost(host: Fields, id: number | null = null): Promise<number> {
		const form = { dockerType: 'tcp', ...host };
		return idIn(await this.call('addDockerHost', form, id), 'id');
	}

	async deleteDockerHost(id: number): Promise<void> {
		await this.call('deleteDockerHost', id);
	}

	/** @returns the key in clear, which Kuma shows once. */
	async addApiKey(key: Fields): Promise<{ readonly id: number; readonly key: string }> {
		const reply = await this.call('addAPIKey', { expires: null, active: true, ...key });
		return { id: idIn(reply, 'keyID'), key: String(reply.key) };
	}

	async deleteApiKey(id: number): Promise<void> {
		await this.call('deleteAPIKey', id);
	}

	async #emit(event: string, parameters: readonly unknown[]): Promise<unknown> {
		try {
			return await this.#socket.timeout(CALL_MS).emitWithAck(event, ...parameters);
		} catch (cause) {
			throw new Error(`Kuma did not answer ${event}`, { cause });
		}
	}
}

/**
 * Connects and waits until Kuma listens. What is sent right after connecting is lost on releases that first look
 * something up; they say `loginRequired` once they listen. 2.0.0-dev.0 never says it, but answers at once. At the first
 * start of some releases, another server takes the port for a moment.
 */
async function ready(socket: Socket, url: string): Promise<void> {
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	let cause: unknown;
	const timer = setTimeout(
		() => reject(new Error(`${url} does not get ready for a client`, { cause })),
		CONNECT_MS,
	);
	let retry: NodeJS.Timeout | undefined;
	const again = (error: unknown) => {
		cause = error;
		clearTimeout(retry);
		retry = setTimeout(() => socket.connect(), RECONNECT_MS);
	};
	socket.on('connect_error', again);
	socket.on('disconnect', again);
	socket.once('loginRequired', resolve);
	socket.once('autoLogin', resolve);
	const greet = () => socket.emit('needSetup', () => resolve());
	socket.on('connect', greet);
	socket.connect();
	try {
		await promise;
	} finally {
		clearTimeout(timer);
		clearTimeout(retry);
		socket.off('connect_error', again).off('disconnect', again).off('connect', greet);
	}
}

function idIn(reply: Fields, name: string): number {
	const id = reply[name];
	if (typeof id !== 'number') throw new Error(`Kuma answered without ${name}: ${JSON.stringify(reply)}`);
	return id;
}

function fieldsIn(reply: Reply, name: string): Fields {
	const fields = reply[name];
	if (typeof fields !== 'object' || fields === null) throw new Error(`Kuma answered without ${name}`);
	return fields as Fields;
}
