import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KumaInstallation, kumaInstallation } from './kuma-installation.ts';

/** What a copy must have as files of its own, for Node goes by where a file really lies. */
const OWN = ['server', 'src', 'db', 'config', 'package.json'];

/** The installed Uptime Kuma once more, in a temporary folder, where its code may be changed. */
export interface KumaCopy extends KumaInstallation {
	discard(): Promise<void>;
}

/**
 * @param changes pieces of the server's code, by what stands for them in the copy: as if another release had other
 * names.
 */
export async function copyKuma(changes: Readonly<Record<string, string>>): Promise<KumaCopy> {
	const original = await kumaInstallation();
	const root = await mkdtemp(join(tmpdir(), 'replicator-kuma-copy-'));
	const directory = join(root, 'kuma');
	const names = await readdir(original.directory);
	await cp(original.directory, directory, {
		recursive: true,
		filter: (source) => {
			const [top = ''] = source.slice(original.directory.length + 1).split('/');
			return top === '' || OWN.includes(top);
		},
	});
	for (const name of names.filter((each) => !OWN.includes(each)))
		await symlink(join(original.directory, name), join(directory, name));
	// npm puts what Kuma needs beside it.
	if (!names.includes('node_modules'))
		await symlink(join(original.directory, '..'), join(root, 'node_modules'));
	let changed = 0;
	for (const name of await readdir(join(directory, 'server'), { recursive: true })) {
		if (!name.endsWith('.js')) continue;
		const path = join(directory, 'server', name);
		const text = await readFile(path, 'utf8');
		const other = Object.entries(changes).reduce((code, [from, to]) => code.replaceAll(from, to), text);
		if (other === text) continue;
		await writeFile(path, other);
		changed += 1;
	}
	if (changed === 0) throw new Error(`This Kuma has no ${Object.keys(changes).join(', ')}`);
	return { ...original, directory, discard: () => rm(root, { recursive: true, force: true }) };
}
