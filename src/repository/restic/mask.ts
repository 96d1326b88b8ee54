const MASK = '***';

/** `rest:https://user:password@host/` and `https://token@host/`; a password may hold an `@` of its own. */
const URL_CREDENTIALS = /(:\/\/)[^/\s"]+@/g;

const SECRET_NAME = /(^|_)(SECRET|PASSWORD2?|PASS|PASSPHRASE|TOKEN|KEY|KEY_ID|SAS|COMMAND)$/;

/** restic quotes none of these itself. Shorter values are found in innocent words, and masks would spell them out. */
const SECRET_LENGTH_MIN = 4;

/**
 * @returns a function that replaces, in any text, what must not be shown: the values of the secrets in a restic
 * environment, and credentials in URLs.
 */
export function createMask(environment: Readonly<Record<string, string>>): (text: string) => string {
	const secrets = Object.entries(environment)
		.filter(([name, value]) => SECRET_NAME.test(name) && value.length >= SECRET_LENGTH_MIN)
		.flatMap(([, value]) => [value, encodeURIComponent(value)])
		// A secret that contains another one goes first, or its rest would stay.
		.sort((a, b) => b.length - a.length);
	return (text) => {
		let masked = text;
		for (const secret of secrets) masked = masked.replaceAll(secret, MASK);
		return masked.replaceAll(URL_CREDENTIALS, `$1${MASK}@`);
	};
}
