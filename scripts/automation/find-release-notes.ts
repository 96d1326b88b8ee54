/** @returns what a changelog says of a version. @throws Error when that is nothing. */
export function findReleaseNotes(changelog: string, version: string): string {
	const sections = changelog.split(/^## /m).slice(1);
	const section = sections.find((each) => each.split('\n', 1)[0] === version);
	const notes = section?.slice(version.length).trim() ?? '';
	if (notes === '')
		throw new Error(`CHANGELOG.md says nothing of ${version}: write a section "## ${version}"`);
	return notes;
}
