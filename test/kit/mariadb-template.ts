import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from '../../scripts/kuma-cache.mjs';

/**
 * Installs the files of a MariaDB server that has never run, once for each release of MariaDB on this machine: to copy
 * them is much quicker.
 * @param server the program that is going to run on a copy.
 * @returns the data directory.
 */
export async function mariadbTemplate(server: string): Promise<string> {
	const user = userInfo().username;
	const options = [
		'--no-defaults',
		`--user=${user}`,
		'--auth-root-authentication-method=socket',
		`--auth-root-socket-user=${user}`,
		'--skip-test-db',
	];
	const { stdout: release } = await execa(server, ['--no-defaults', '--version']);
	const hash = createHash('sha256')
		.update(JSON.stringify([release, options]))
		.digest('hex');
	const template = join(cacheFolder(), `mariadb-${hash.slice(0, 16)}`);
	if (existsSync(template)) return template;
	await mkdir(cacheFolder(), { recursive: true });
	const made = await mkdtemp(`${template}-`);
	try {
		await execa('mariadb-install-db', [...options, `--datadir=${made}`]);
		await rename(made, template);
	} catch (error) {
		await rm(made, { recursive: true, force: true });
		// Another worker was quicker.
		if (!existsSync(template)) throw error;
	}
	return template;
}
