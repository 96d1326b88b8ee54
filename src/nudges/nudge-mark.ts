/**
 * The tag of a message that is a nudge. Only what has it makes replicas look, for a topic is shared: with notices of
 * replicas that something was applied, which would make every other replica look, with other fleets, and with people.
 */
export function nudgeMark(fleet: string): string {
	return `replicator-kuma-${fleet}`;
}
