import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface FoundKuma {
	/** Kuma's folder, without symbolic links: as its modules are named. */
	readonly root: string;
	readonly version: string;
}

/** @returns the Kuma whose server this process is about to run, or null when it runs something else. */
export function findKuma(script: string | undefined): FoundKuma | null {
	if (script === undefined || !/[\\/]server[\\/]server(?:\.js)?$/.test(script)) return null;
	try {
		const root = dirname(dirname(realpathSync(script.endsWith('.js') ? script : `${script}.js`)));
		const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
		if (typeof manifest !== 'object' || manifest === null) return null;
		const { name, version } = manifest as { name?: unknown; version?: unknown };
		return name === 'uptime-kuma' && typeof version === 'string' ? { root, version } : null;
	} catch {
		// A script that is not there, or no package: Node or the program itself says so.
		return null;
	}
}
