import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import {
	AGENT_LINE_BYTES_MAX,
	AGENT_PROTOCOL,
	type AgentEvent,
	type AgentHello,
	type AgentPhase,
	type AgentProblems,
	type AgentRequest,
	CAPABILITIES,
} from '../model/agent-protocol.ts';
import type { BeatReport } from '../model/beat-watch.ts';
import type { Log } from '../model/log.ts';
import { ReplicatorError } from '../model/replicator-error.ts';
import { createLineReader } from '../wire/line-reader.ts';

const RECONNECT_MS = 200;
/** So often where there was no agent for some while: most likely there is none in this Kuma. */
const RECONNECT_RARELY_MS = 2_000;
/** Kuma may take so long to start. */
const EAGER_MS = 120_000;
/** Kuma's event loop may be busy; an answer that takes longer than this is no answer. */
const ANSWER_MS = 15_000;

const phaseSchema = z.enum(['starting', 'held', 'running']);
const beatsSchema = z.object({
	monitors: z.int(),
	overdue: z.int(),
	sinceBeatMs: z.number().nullable(),
	isMissing: z.boolean(),
	patienceMs: z.number(),
	lastError: z.string().nullable(),
});
const helloSchema = z.object({
	protocol: z.literal(AGENT_PROTOCOL),
	productVersion: z.string(),
	kumaVersion: z.string(),
	pid: z.int().min(1),
	fingerprint: z.string(),
	phase: phaseSchema,
	capabilities: z.record(z.enum(CAPABILITIES), z.union([z.literal(true), z.string()])),
	problems: z.array(z.string()),
	beats: beatsSchema,
});
const messageSchema = z.union([
	z.object({ id: z.int(), result: z.unknown() }),
	z.object({ id: z.int(), error: z.string() }),
	z.object({ event: z.literal('phase'), phase: phaseSchema }),
	z.object({ event: z.literal('changed'), tables: z.array(z.string()) }),
	z.object({ event: z.literal('problems'), problems: z.array(z.string()) }),
	z.object({ event: z.literal('beats'), report: beatsSchema }),
]);

interface Pending {
	readonly resolve: (result: unknown) => void;
	readonly reject: (error: Error) => void;
}

/** An open connection with an agent; until it has said hello, only that is asked. */
interface Connection {
	readonly socket: Socket;
	readonly pending: Map<number, Pending>;
	hello: AgentHello | null;
}

export interface AgentLinkOptions {
	/** Opens a connection to the agent's socket. Rejects while there is no agent. */
	readonly connect: () => Promise<Socket>;
	readonly log: Log;
	/** Called with each phase that the agent tells, the one at the first hello included. */
	readonly onPhase?: (hello: AgentHello) => void;
	readonly onChanged?: (tables: readonly string[]) => void;
	/** Called with how the monitors beat, every few seconds. */
	readonly onBeats?: (report: BeatReport) => void;
	/** Called with what Kuma has not taken up, whenever that may have changed. */
	readonly onProblems?: (problems: AgentProblems) => void;
}

/**
 * The connection to the agent inside Kuma. It is made as soon as there is an agent, and made again after each start of
 * Kuma, until it is stopped.
 */
export class AgentLink {
	readonly #options: AgentLinkOptions;
	readonly #stop = new AbortController();
	#connection: Connection | null = null;
	#lastId = 0;
	#hasToldOfOther = false;
	#running: Promise<void> = Promise.resolve();

	constructor(options: AgentLinkOptions) {
		this.#options = options;
	}

	/** What the agent said of itself last; null while there is no connection. */
	get hello(): AgentHello | null {
		return this.#connection?.hello ?? null;
	}

	/** @returns whether there is a connection, as soon as there is one, or after `timeoutMs`. */
	async waitUntilConnected(timeoutMs: number): Promise<boolean> {
		const deadline = performance.now() + timeoutMs;
		while (this.hello === null && performance.now() < deadline && !this.#stop.signal.aborted)
			await delay(RECONNECT_MS / 4);
		return this.hello !== null;
	}

	start(): void {
		this.#running = this.#run();
	}

	async stop(): Promise<void> {
		this.#stop.abort();
		this.#connection?.socket.destroy();
		await this.#running;
	}

	/**
	 * Sends a request and waits for its answer.
	 * @throws ReplicatorError `agent-unreachable` (retryable) when there is no connection or it ends; `agent-silent`
	 * (retryable) when no answer comes in time; `agent-failed` when the agent says that it could not do it.
	 */
	async ask(request: AgentRequest, timeoutMs = ANSWER_MS): Promise<unknown> {
		const connection = this.#connection;
		if (connection === null || connection.hello === null) throw unreachable('it is not connected');
		return this.#exchange(connection, request, timeoutMs);
	}

	async #run(): Promise<void> {
		const { signal } = this.#stop;
		let aloneSince = performance.now();
		while (!signal.aborted) {
			try {
				await this.#stayConnected(await this.#options.connect());
				aloneSince = performance.now();
			} catch {
				// No Kuma, or one without an agent: whoever needs the agent is told so.
			}
			const isEager = performance.now() - aloneSince < EAGER_MS;
			const pauseMs = isEager ? RECONNECT_MS : RECONNECT_RARELY_MS;
			await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
		}
	}

	/** Returns when the connection has ended. */
	async #stayConnected(socket: Socket): Promise<void> {
		const connection: Connection = { socket, pending: new Map(), hello: null };
		const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
		socket.on('error', () => undefined);
		const reader = createLineReader({
			bytesMax: AGENT_LINE_BYTES_MAX,
			onLine: (line) => this.#read(connection, line),
			tooLong: 'stop',
			onTooLong: () => socket.destroy(),
		});
		socket.on('data', reader.read);
		if (this.#stop.signal.aborted) socket.destroy();
		this.#connection = connection;
		const ended = closed.then(() => {
			for (const { reject } of connection.pending.values()) reject(unreachable('the connection ended'));
		});
		try {
			await this.#greet(connection);
			await ended;
		} finally {
			this.#connection = null;
			socket.destroy();
		}
	}

	async #greet(connection: Connection): Promise<void> {
		const answer = await this.#exchange(connection, { method: 'hello' }, ANSWER_MS);
		const parsed = helloSchema.safeParse(answer);
		if (!parsed.success) {
			if (!this.#hasToldOfOther)
				this.#options.log.warning('The agent in Kuma is of another version; a restart of Kuma replaces it');
			this.#hasToldOfOther = true;
			throw unreachable('it is of another version');
		}
		this.#hasToldOfOther = false;
		connection.hello = parsed.data;
		this.#options.onProblems?.(parsed.data.problems);
		this.#options.onPhase?.(parsed.data);
	}

	#read(connection: Connection, line: string): void {
		const parsed = messageSchema.safeParse(parseJson(line));
		if (!parsed.success) return;
		const message = parsed.data;
		if ('event' in message) {
			this.#hear(connection, message);
			return;
		}
		const waiting = connection.pending.get(message.id);
		if ('error' in message) waiting?.reject(failed(message.error));
		else waiting?.resolve(message.result);
	}

	#hear(connection: Connection, message: AgentEvent): void {
		switch (message.event) {
			case 'changed':
				this.#options.onChanged?.(message.tables);
				return;
			case 'problems':
				this.#setProblems(connection, message.problems);
				return;
			case 'beats':
				if (connection.hello !== null) connection.hello = { ...connection.hello, beats: message.report };
				this.#options.onBeats?.(message.report);
				return;
			case 'phase':
				this.#enter(connection, message.phase);
				return;
		}
	}

	#setProblems(connection: Connection, problems: AgentProblems): void {
		if (connection.hello !== null) connection.hello = { ...connection.hello, problems };
		this.#options.onProblems?.(problems);
	}

	/** What the agent finds of Kuma grows while Kuma loads, so it is asked anew. */
	#enter(connection: Connection, phase: AgentPhase): void {
		if (connection.hello?.phase === phase) return;
		this.#greet(connection).catch((error: unknown) => {
			this.#options.log.debug('The agent did not answer', { error });
			connection.socket.destroy();
		});
	}

	async #exchange(connection: Connection, request: AgentRequest, timeoutMs: number): Promise<unknown> {
		this.#lastId += 1;
		const id = this.#lastId;
		const { promise, resolve, reject } = Promise.withResolvers<unknown>();
		connection.pending.set(id, { resolve, reject });
		const late = () => reject(silent(timeoutMs));
		const timer = setTimeout(late, timeoutMs);
		connection.socket.write(`${JSON.stringify({ ...request, id })}\n`);
		try {
			return await promise;
		} finally {
			clearTimeout(timer);
			connection.pending.delete(id);
		}
	}
}

function parseJson(line: string): unknown {
	try {
		return JSON.parse(line);
	} catch {
		return null;
	}
}

function unreachable(reason: string): ReplicatorError {
	return new ReplicatorError(`The agent in Kuma cannot be reached: ${reason}.`, {
		code: 'agent-unreachable',
		hint: 'Kuma is restarted instead when it must take something up; "replicator-kuma doctor" says more.',
		isRetryable: true,
	});
}

function silent(timeoutMs: number): ReplicatorError {
	return new ReplicatorError(`The agent in Kuma did not answer for ${timeoutMs / 1000} s.`, {
		code: 'agent-silent',
		hint: "Kuma is busy, or waits for its database. It is asked again at the next cycle; see whether Kuma's own page answers.",
		isRetryable: true,
	});
}

function failed(reason: string): ReplicatorError {
	return new ReplicatorError(`The agent in Kuma could not do what it was asked: ${reason}`, {
		code: 'agent-failed',
		hint: 'Kuma is restarted instead. Please report it with the lines of the log around this one.',
	});
}
