import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { kumaInstallation } from '../../test/kit/kuma-installation.ts';
import { installCommand, missingTools } from '../tools.mjs';
import type { Section } from './command-line.ts';

const PRODUCT = join(import.meta.dirname, '..', '..', 'dist', 'replicator-kuma.js');

const TOOLS: Readonly<Record<Section, readonly string[]>> = {
	lag: ['restic', 'rclone'],
	sizes: ['restic', 'mariadbd'],
	idle: ['restic', 'rclone'],
	heartbeats: ['restic'],
	fleet: ['restic', 'rclone'],
};

/** @throws Error that names what is missing, and how to get it. */
export async function checkRequirements(sections: readonly Section[]): Promise<void> {
	const missing = missingTools([...new Set(sections.flatMap((section) => TOOLS[section]))]);
	if (missing.length > 0)
		throw new Error(`Missing: ${missing.join(', ')}. Install with \`${installCommand(missing)}\`.`);
	if (!existsSync(PRODUCT)) throw new Error(`${PRODUCT} is not there: run \`npm run build\` first.`);
	await kumaInstallation();
}
