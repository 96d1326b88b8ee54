/**
 * What restic and its storage backends take from the environment. Everything with one of these beginnings is
 * handed on to restic as it is, whether we know the name or not: restic learns new ones without us.
 */
const RESTIC_PREFIXES = ['RESTIC_', 'AWS_', 'B2_', 'AZURE_', 'GOOGLE_', 'ST_', 'OS_', 'RCLONE_'] as const;

/**
 * Credentials that restic reads from the environment only: for each, `<name>_FILE` may name a file that holds it.
 * Every other name that ends in `_FILE` (RESTIC_PASSWORD_FILE, AWS_SHARED_CREDENTIALS_FILE,
 * AWS_WEB_IDENTITY_TOKEN_FILE …) is restic's or an SDK's own and stays as it is.
 */
export const RESTIC_CREDENTIALS = [
	'AWS_ACCESS_KEY_ID',
	'AWS_SECRET_ACCESS_KEY',
	'AWS_SESSION_TOKEN',
	'AZURE_ACCOUNT_KEY',
	'AZURE_ACCOUNT_NAME',
	'AZURE_ACCOUNT_SAS',
	'B2_ACCOUNT_ID',
	'B2_ACCOUNT_KEY',
	'GOOGLE_ACCESS_TOKEN',
	'OS_APPLICATION_CREDENTIAL_ID',
	'OS_APPLICATION_CREDENTIAL_SECRET',
	'OS_AUTH_TOKEN',
	'OS_PASSWORD',
	'OS_USERNAME',
	'RCLONE_CONFIG_PASS',
	'RESTIC_REST_PASSWORD',
	'RESTIC_REST_USERNAME',
	'ST_KEY',
	'ST_USER',
] as const;

/**
 * rclone's remotes are configured by names that a person makes up (`RCLONE_CONFIG_<remote>_SECRET_ACCESS_KEY`), so
 * secrets are known by the end of their name. Account names are no secrets: masking `kuma` in every line of the log
 * because somebody calls himself so on a server would help nobody.
 */
const SECRET_ENDING =
	/(^|_)(SECRET|PASSWORD2?|PASS|PASSPHRASE|TOKEN|KEY|KEY_ID|SAS|CREDENTIALS|PASSWORD_COMMAND)$/;
const NO_SECRETS = ['GOOGLE_APPLICATION_CREDENTIALS', 'RCLONE_ASK_PASSWORD'];

/** @returns whether a variable of this name is handed on to restic. */
export function isResticVariable(name: string): boolean {
	return RESTIC_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** @returns whether the value of such a variable must not be shown. */
export function isResticSecret(name: string): boolean {
	return SECRET_ENDING.test(name) && !NO_SECRETS.includes(name);
}
