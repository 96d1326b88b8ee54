import { execa } from 'execa';
import { installCommand, missingTools } from '../../scripts/tools.mjs';

/** @returns the words that run Compose: the plugin of today's Docker, or the program that Debian has. */
export async function composeCommand(): Promise<readonly string[]> {
	const { failed } = await execa('docker', ['compose', 'version'], { reject: false });
	if (!failed) return ['docker', 'compose'];
	if (missingTools(['docker-compose']).length > 0)
		throw new Error(`There is no \`docker compose\` here: \`${installCommand(['docker-compose'])}\``);
	return ['docker-compose'];
}
