import { isResticVariable, RESTIC_CREDENTIALS } from './restic-variables.ts';
import { type Variable, variables } from './schema.ts';

/** What is wrong with one variable, and the way out, in one line. Never quotes a secret. */
export interface ConfigProblem {
	readonly variable: string;
	readonly message: string;
	/** It lies in a file that a variable names, or in what the file holds, and goes when the file is as it should be. */
	readonly isOfFile?: true;
}

/** Where a value comes from: `default`, `environment`, or `file <path>`. */
export type Origin = 'default' | 'environment' | `file ${string}`;

/** The environment with every `<secret>_FILE` replaced by what the file holds, and without empty values. */
export interface ResolvedEnvironment {
	readonly values: ReadonlyMap<string, { readonly text: string; readonly origin: Origin }>;
	readonly problems: readonly ConfigProblem[];
}

/** @returns whether a variable's value comes from a file, which may be another one the next time. */
export function isFromFile({ values }: Pick<ResolvedEnvironment, 'values'>, name: string): boolean {
	return values.get(name)?.origin.startsWith('file ') === true;
}

/** Names whose value may come from `<name>_FILE`, which nobody but us reads. */
const NAMES_READ_FROM_FILE = new Set<string>([
	...RESTIC_CREDENTIALS,
	...variables.filter((variable) => variable.isReadFromFile).map((variable) => variable.name),
]);
const NAMES_OF_EMPTY_VALUES = new Set<string>(
	(variables as readonly Variable[])
		.filter((variable) => variable.isEmptyAValue === true)
		.map(({ name }) => name),
);
const DECLARED_NAMES = new Set(variables.map((variable) => variable.name));

/**
 * Keeps the variables that are ours or restic's. An empty value counts as not set, as compose files leave them, unless
 * it means something.
 * @param readFile gives a file's text or throws
 */
export function resolveEnvironment(
	env: Readonly<Record<string, string | undefined>>,
	readFile: (path: string) => string,
): ResolvedEnvironment {
	const values = new Map<string, { text: string; origin: Origin }>();
	const problems: ConfigProblem[] = [];
	for (const [name, text] of Object.entries(env)) {
		if (text === undefined || (text === '' && !NAMES_OF_EMPTY_VALUES.has(name))) {
			continue;
		}
		const nameInFile = name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : name;
		if (name === nameInFile || !NAMES_READ_FROM_FILE.has(nameInFile)) {
			if (DECLARED_NAMES.has(name) || isResticVariable(name)) {
				values.set(name, { text, origin: 'environment' });
			}
		} else if (env[nameInFile]) {
			problems.push({ variable: name, message: `${nameInFile} is set as well. Remove one of the two.` });
		} else {
			const read = readOneLine(text, readFile);
			if (typeof read === 'string') {
				problems.push({ variable: name, message: read, isOfFile: true });
			} else {
				values.set(nameInFile, { text: read.text, origin: `file ${text}` });
			}
		}
	}
	return { values, problems };
}

/**
 * @returns the file's text without the newline that an editor puts at its end, or what is wrong, as a sentence.
 * It never quotes the path: somebody may have written the secret itself there.
 */
export function readOneLine(path: string, readFile: (path: string) => string): { text: string } | string {
	let text: string;
	try {
		text = readFile(path).replace(/\r?\n$/, '');
	} catch (error) {
		return `The file that it names cannot be read: ${reasonOf(error)}. Check the path and who may read the file.`;
	}
	if (text === '') {
		return 'The file that it names is empty. Write the value into it.';
	}
	return { text };
}

function reasonOf(error: unknown): string {
	if (!(error instanceof Error)) {
		return String(error);
	}
	return 'code' in error ? String(error.code) : error.message;
}
