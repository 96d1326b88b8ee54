import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { ReplicatorError } from '../model/replicator-error.ts';

/** What the files of an Uptime Kuma tell without starting it. */
export interface Installation {
	/** As its package.json says (the tag 2.0.2 says 2.0.1 there), or null when there is no Kuma in the directory. */
	readonly version: string | null;
	/** Every monitor type that this Kuma can run, or null when that cannot be told. */
	readonly monitorTypes: ReadonlySet<string> | null;
	/** The migrations of its database that this Kuma comes with, or null when that cannot be told. */
	readonly migrations: ReadonlySet<string> | null;
}

const packageSchema = z.object({ name: z.literal('uptime-kuma'), version: z.string().min(1) });

/**
 * Types that every Kuma of version 2 has, in one of the two files that we read. Where one is missing, Kuma has been
 * rewritten so that we read too little, and "unknown type" would be concluded from our own blindness.
 */
const ALWAYS_THERE = ['http', 'keyword', 'ping', 'push', 'dns', 'port', 'docker'];

/**
 * Where Kuma is installed: the folder above the `server/server.js` that the command names, else the folder that the
 * command runs in.
 */
export function locateKuma({ command, cwd }: { command: readonly string[]; cwd: string }): string {
	const script = command
		.map((word) => resolve(cwd, word))
		.find((path) => /[\\/]server[\\/]server\.js$/.test(path));
	return script === undefined ? cwd : dirname(dirname(script));
}

/**
 * Reads Kuma's version, monitor types and migrations out of its source; nothing of Kuma is run.
 * @throws ReplicatorError `file-access` for a file that exists but cannot be read.
 */
export async function readInstallation(directory: string): Promise<Installation> {
	const version = parseVersion(await readOptional(join(directory, 'package.json')));
	if (version === null) return { version: null, monitorTypes: null, migrations: null };
	const migrations = await listMigrations(join(directory, 'db', 'knex_migrations'));
	const server = await readOptional(join(directory, 'server', 'uptime-kuma-server.js'));
	const monitor = await readOptional(join(directory, 'server', 'model', 'monitor.js'));
	const monitorTypes = server === null || monitor === null ? null : findMonitorTypes({ server, monitor });
	return { version, monitorTypes, migrations };
}

/**
 * Older types are branches of the monitor's own `beat`, newer ones are registered in a list; releases move them from
 * the one to the other.
 */
function findMonitorTypes(source: { server: string; monitor: string }): ReadonlySet<string> | null {
	const types = new Set([
		// Groups need no code of their own in some releases.
		'group',
		...allMatches(source.server, /\bmonitorTypeList\[\s*(["'])(?<type>[^"']+)\1\s*\]/g),
		...allMatches(source.monitor, /\bthis\.type\s*===?\s*(["'])(?<type>[^"']+)\1/g),
	]);
	return ALWAYS_THERE.every((type) => types.has(type)) ? types : null;
}

function allMatches(text: string, pattern: RegExp): string[] {
	return [...text.matchAll(pattern)].flatMap((match) => match.groups?.type ?? []);
}

function parseVersion(text: string | null): string | null {
	if (text === null) return null;
	try {
		const parsed = packageSchema.safeParse(JSON.parse(text));
		return parsed.success ? parsed.data.version : null;
	} catch (error) {
		// Not JSON, so not Kuma's: the command may well run in a folder of something else.
		if (error instanceof SyntaxError) return null;
		throw error;
	}
}

/** The table of the migrations that were made holds their file names. */
async function listMigrations(directory: string): Promise<ReadonlySet<string> | null> {
	const names = await optional(directory, () => readdir(directory));
	return names === null ? null : new Set(names.filter((name) => name.endsWith('.js')));
}

async function readOptional(path: string): Promise<string | null> {
	return optional(path, () => readFile(path, 'utf8'));
}

async function optional<Result>(path: string, read: () => Promise<Result>): Promise<Result | null> {
	try {
		return await read();
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		if (code === 'ENOENT' || code === 'ENOTDIR') return null;
		throw new ReplicatorError(`Could not read ${path} (${code})`, {
			code: 'file-access',
			hint: 'Check that this user may read the folder in which Uptime Kuma is installed.',
			cause,
		});
	}
}
