import { homedir } from 'node:os';
import { join } from 'node:path';
import { machineNode, nodeAbi } from './machine-node.mjs';

/** The newest Uptime Kuma 2 that npm has; releases are published as container images only. */
export const KUMA_VERSION = '2.0.0-dev.0';

/** @returns the folder outside the clone for what takes long to make and is the same for every clone. */
export function cacheFolder() {
	return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'replicator-kuma');
}

/** @returns the folder outside the clone that holds Uptime Kuma for this machine's Node, installed or not. */
export function kumaCacheFolder(node = machineNode()) {
	return join(cacheFolder(), `uptime-kuma-${KUMA_VERSION}-node${nodeAbi(node)}`);
}

/** @returns where Uptime Kuma itself lies in that folder. */
export function kumaDirectory(folder = kumaCacheFolder()) {
	return join(folder, 'node_modules', 'uptime-kuma');
}
