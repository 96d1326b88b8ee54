/**
 * What restic and its storage backends take from the environment. Everything with one of these beginnings is
 * handed on to restic as it is, whether we know the name or not: restic learns new ones without us.
 */
export const RESTIC_PREFIXES = [
	'RESTIC_',
	'AWS_',
	'B2_',
	'AZURE_',
	'GOOGLE_',
	'ST_',
	'OS_',
	'RCLONE_',
] as const;

/**
 * Secrets that restic itself reads from the environment only: for each, `<name>_FILE` may name a file that holds
 * it. Every other name that ends in `_FILE` (RESTIC_PASSWORD_FILE, AWS_SHARED_CREDENTIALS_FILE,
 * AWS_WEB_IDENTITY_TOKEN_FILE …) is restic's or an SDK's own and stays as it is.
 */
export const RESTIC_SECRETS = [
	'AWS_ACCESS_KEY_ID',
	'AWS_SECRET_ACCESS_KEY',
	'AWS_SESSION_TOKEN',
	'AZURE_ACCOUNT_NAME',
	'AZURE_ACCOUNT_KEY',
	'AZURE_ACCOUNT_SAS',
	'B2_ACCOUNT_ID',
	'B2_ACCOUNT_KEY',
	'GOOGLE_ACCESS_TOKEN',
	'OS_APPLICATION_CREDENTIAL_ID',
	'OS_APPLICATION_CREDENTIAL_SECRET',
	'OS_AUTH_TOKEN',
	'OS_PASSWORD',
	'RCLONE_CONFIG_PASS',
	'RESTIC_AWS_ASSUME_ROLE_EXTERNAL_ID',
	'RESTIC_REST_PASSWORD',
	'RESTIC_REST_USERNAME',
	'ST_KEY',
	'ST_USER',
] as const;

const SECRET_WORD = /(^|_)(SECRET|PASSWORD|PASS|TOKEN|KEY|SAS|CREDENTIALS)(_|$)/;
const NAME_OF_A_PLACE = /_(FILE|PATH|HINT|URI|URL)$/;

/** @returns whether a variable of this name is handed on to restic. */
export function isResticVariable(name: string): boolean {
	return RESTIC_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/**
 * @returns whether the value of such a variable must not be shown: a known secret, or by its name probably one.
 * rclone's remotes are configured by names that a person makes up (`RCLONE_CONFIG_<remote>_SECRET_ACCESS_KEY`).
 */
export function isResticSecret(name: string): boolean {
	if ((RESTIC_SECRETS as readonly string[]).includes(name)) {
		return true;
	}
	return SECRET_WORD.test(name) && !NAME_OF_A_PLACE.test(name) && name !== 'GOOGLE_APPLICATION_CREDENTIALS';
}
