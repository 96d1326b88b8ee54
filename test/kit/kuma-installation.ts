import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kumaDirectory } from '../../scripts/kuma-cache.mjs';
import { machineNode } from '../../scripts/machine-node.mjs';

/** A real Uptime Kuma, and the Node that its native modules were built for. */
export interface KumaInstallation {
	readonly directory: string;
	readonly node: string;
	/** As its package.json says; the tag 2.0.2 says 2.0.1 there. */
	readonly version: string;
}

/**
 * Finds the Uptime Kuma to test against: `KUMA_DIR`, else the one that scripts/prepare.mjs has installed. It is run by
 * `KUMA_NODE`, else by the machine's own Node.
 */
export async function kumaInstallation(
	directory = process.env.KUMA_DIR || kumaDirectory(),
): Promise<KumaInstallation> {
	try {
		await access(join(directory, 'server', 'server.js'));
	} catch (cause) {
		const way =
			directory === kumaDirectory()
				? 'run `npm test`, or `node scripts/prepare.mjs` to install it alone'
				: 'name the folder that holds server/server.js';
		throw new Error(`No Uptime Kuma in ${directory}: ${way}`, { cause });
	}
	const { version } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as {
		version: string;
	};
	return { directory, node: machineNode(), version };
}
