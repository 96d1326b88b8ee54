import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAME = 'replicator-kuma-agent.cjs';

/** @returns the file that is loaded into Kuma's process, or null when it was not built or not installed. */
export function locateAgent(): string | null {
	const here = dirname(fileURLToPath(import.meta.url));
	// Beside the bundle; and from the source files, where the build puts it.
	const candidates = [join(here, NAME), join(here, '..', '..', 'dist', NAME)];
	return candidates.find((path) => existsSync(path)) ?? null;
}
