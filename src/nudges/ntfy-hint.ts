/** The variable that a topic was set with. */
export type TopicVariable = 'NTFY_URL' | 'REPLICATOR_NUDGE_URL';

/** @returns what to check when an ntfy server answers with such an HTTP status. */
export function ntfyHint(status: number, variable: TopicVariable): string {
	if (status === 401 || status === 403) {
		return `Check NTFY_TOKEN, or the user name and password in ${variable}, and that they may read and write the topic.`;
	}
	if (status === 429) {
		return 'The server limits how much it is asked. Use an account or a server of your own.';
	}
	if (status >= 300 && status < 400) {
		return `Write the address that the server redirects to into ${variable}; it may be https:// instead of http://.`;
	}
	if (status >= 500) {
		return 'The ntfy server is in trouble. Look at its log.';
	}
	return `Check that ${variable} is the address of a topic, such as ntfy.sh/ and the topic's name.`;
}
