const URL_WITH_PASSWORD = /(:\/\/[^/\s:@]*):([^/\s]*)@/g;

/** @returns `text` with the password in every URL (`rest:https://user:password@host/`) replaced by `***`. */
export function maskCredentials(text: string): string {
	return text.replaceAll(URL_WITH_PASSWORD, '$1:***@');
}

/** @returns the passwords that stand in URLs in `text`, as written there and %-decoded. */
export function credentialsIn(text: string): string[] {
	return Array.from(text.matchAll(URL_WITH_PASSWORD), ([, , password]) => password ?? '').flatMap(
		(password) => [
			password,
			// A malformed escape is left as it is: this must find what it can, and never fail.
			password.replaceAll(/(%[0-9a-f]{2})+/gi, (escapes) =>
				Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
			),
		],
	);
}
