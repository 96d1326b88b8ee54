import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { writeDurably } from '../../files/durable-file.ts';
import { fileError } from '../../files/file-error.ts';
import { ReplicatorError } from '../../model/replicator-error.ts';
import type { InstanceState } from '../../model/state.ts';

const FORMAT_VERSION = 1;

const digest = z.string().min(1);
const generation = z.int().min(0);
const intent = z.strictObject({ parentId: z.string().min(1).nullable(), generation, digest });
const stateSchema = z.strictObject({
	formatVersion: z.literal(FORMAT_VERSION),
	instanceId: z.string().min(1),
	position: z
		.union([
			z.strictObject({ id: z.string().min(1), generation, digest }),
			z.strictObject({
				id: z.null(),
				generation,
				digest,
				ancestorIds: z.array(z.string().min(1)).min(1),
				// A state of an earlier version says neither.
				leaderId: z.string().min(1).nullable().default(null),
				since: z.iso.datetime().nullable().default(null),
			}),
		])
		.nullable(),
	intent: intent.nullable(),
	// A state of an earlier version has none.
	announced: intent.extend({ createdAt: z.iso.datetime() }).nullable().default(null),
	role: z.enum(['leader', 'replica']).nullable(),
	kumaVersion: z.string().min(1).nullable(),
	heldRows: z.array(
		z.strictObject({
			table: z.string().min(1),
			key: z.string(),
			title: z.string(),
			how: z.enum(['held', 'paused', 'partial']),
			reason: z.string(),
		}),
	),
	// A state of an earlier version has none.
	remarks: z
		.array(
			z.strictObject({
				key: z.string(),
				title: z.string(),
				kind: z.enum(['push-paused', 'setting-missing']),
				reason: z.string(),
			}),
		)
		.default([]),
	lastPrunedAt: z.iso.datetime().nullable(),
});

/**
 * Reads what this instance remembers. Where there is no file, a fresh state with the id that `makeId` gives is
 * written at once: from then on this is that instance.
 * @throws ReplicatorError `state-corrupt` for a file that is not a state, or one of a newer version. An instance never
 * silently becomes another one: a leader would take its own snapshots for a stranger's.
 */
export async function loadState(path: string, makeId: () => string): Promise<InstanceState> {
	const state = await readState(path);
	if (state !== null) return state;
	const fresh = freshState(makeId());
	await saveState(path, fresh);
	return fresh;
}

/**
 * @returns what this instance remembers, or null where it has not been started yet.
 * @throws ReplicatorError as {@link loadState} does.
 */
export async function readState(path: string): Promise<InstanceState | null> {
	const text = await readOptional(path);
	return text === null ? null : parseState(path, text);
}

/** @returns the state of an instance that has done nothing yet. */
export function freshState(instanceId: string): InstanceState {
	return {
		instanceId,
		position: null,
		intent: null,
		announced: null,
		role: null,
		kumaVersion: null,
		heldRows: [],
		remarks: [],
		lastPrunedAt: null,
	};
}

/**
 * Replaces the state; it is on disk when the promise resolves. Calls for one path must not overlap.
 * @throws ReplicatorError `disk-full` or `file-access`; the old state is still there then.
 */
export async function saveState(path: string, state: InstanceState): Promise<void> {
	// Checked on write as well as on read: a state that could not be loaded again must not replace one that can.
	const content = stateSchema.parse({ formatVersion: FORMAT_VERSION, ...state });
	await writeDurably(path, `${JSON.stringify(content, null, '\t')}\n`);
}

async function readOptional(path: string): Promise<string | null> {
	try {
		return await readFile(path, 'utf8');
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		if (code === 'ENOENT') return null;
		if (code === 'EISDIR') throw corrupt(path, cause, 'it is a folder');
		throw fileError({ path, verb: 'read', cause });
	}
}

function parseState(path: string, text: string): InstanceState {
	const raw = parseJson(path, text);
	const version = z.object({ formatVersion: z.number() }).safeParse(raw);
	if (version.success && version.data.formatVersion > FORMAT_VERSION) {
		throw new ReplicatorError(
			`${path} has format ${version.data.formatVersion}; this replicator-kuma knows up to ${FORMAT_VERSION}`,
			{ code: 'state-corrupt', hint: 'Start the newer replicator-kuma that wrote it.' },
		);
	}
	const parsed = stateSchema.safeParse(raw);
	if (!parsed.success) throw corrupt(path, parsed.error);
	const { formatVersion: _, ...state } = parsed.data;
	return state;
}

function parseJson(path: string, text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (cause) {
		throw corrupt(path, cause);
	}
}

function corrupt(path: string, cause: unknown, problem = problemOf(cause)): ReplicatorError {
	return new ReplicatorError(`${path} is damaged: ${problem}`, {
		code: 'state-corrupt',
		hint:
			'Put it back from a backup. Without one, move it away: this instance then gets a new identity, a replica ' +
			'applies the newest snapshot again, and a leader asks for `replicator-kuma restore` or `backup --take-over`.',
		cause,
	});
}

function problemOf(cause: unknown): string {
	return cause instanceof z.ZodError ? z.prettifyError(cause) : 'it is not JSON';
}
