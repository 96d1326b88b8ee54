import { credentialsIn } from './mask-credentials.ts';
import { type ConfigProblem, type ResolvedEnvironment, readOneLine } from './resolve-environment.ts';
import { VARIABLES } from './schema.ts';

const LOCATION_NAMES = [VARIABLES.repository.name, VARIABLES.repositoryFile.name];
const PASSWORD_NAMES = [VARIABLES.password.name, VARIABLES.passwordFile.name, VARIABLES.passwordCommand.name];

/**
 * Checks what restic needs before it is asked, for it takes the first of two passwords that it finds without a
 * word. restic's own files are read too: to know their secrets, and to say now that one is not readable.
 */
export function checkRepository(
	{ values }: ResolvedEnvironment,
	options: { readFile: (path: string) => string; isNeeded: boolean },
): { problems: ConfigProblem[]; secrets: string[] } {
	const problems: ConfigProblem[] = [];
	const secrets: string[] = [];
	for (const [names, wanted] of [
		[LOCATION_NAMES, `where snapshots are kept, such as ${VARIABLES.repository.example}`],
		[PASSWORD_NAMES, "the repository's password"],
	] as const) {
		const [main = '', ...others] = names;
		const [used, ...more] = names.filter((name) => values.has(name));
		if (used === undefined && options.isNeeded) {
			problems.push({
				variable: main,
				message: `It is not set. Set it to ${wanted}, or set ${others.join(' or ')}.`,
			});
		}
		for (const name of more) {
			problems.push({ variable: name, message: `${used} is set as well. Remove one of the two.` });
		}
	}
	for (const name of [VARIABLES.repositoryFile.name, VARIABLES.passwordFile.name]) {
		const path = values.get(name)?.text;
		if (path === undefined) {
			continue;
		}
		const read = readOneLine(path, options.readFile);
		if (typeof read === 'string') {
			problems.push({ variable: name, message: read, isOfFile: true });
		} else {
			secrets.push(...(name === VARIABLES.passwordFile.name ? [read.text.trim()] : credentialsIn(read.text)));
		}
	}
	return { problems, secrets };
}
