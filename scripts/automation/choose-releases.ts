/** A release of Uptime Kuma for which there is to be an image. */
export interface ChosenRelease {
	readonly release: string;
	/** What the image of it is called, without the variant: as upstream calls its own. */
	readonly tags: readonly string[];
	/** What to compare it with when it fails: the newest older release with an image of ours, else the one before it. */
	readonly previous: string;
}

/** Kuma 2.0's images carry a Node that is too old. */
const MAJOR = 2;
const MINOR_MIN = 1;
const MINORS = 3;

type Version = readonly [major: number, minor: number, patch: number];

/**
 * Chooses the newest release of each of the latest three minor versions; betas are none.
 * @param upstream every tag of Uptime Kuma.
 * @param published tags that our images have; what is among them is left out.
 */
export function chooseReleases(request: {
	readonly upstream: readonly string[];
	readonly published: readonly string[];
}): ChosenRelease[] {
	const releases = request.upstream
		.map(parse)
		.filter((version) => version !== null)
		.filter(([major, minor]) => major === MAJOR && minor >= MINOR_MIN)
		.sort((a, b) => b[1] - a[1] || b[2] - a[2]);
	const newestOfMinors = releases.filter(
		([, minor], index) => releases.findIndex(([, each]) => each === minor) === index,
	);
	return newestOfMinors
		.slice(0, MINORS)
		.map((version, index) => {
			const older = releases.slice(releases.indexOf(version) + 1).map((each) => each.join('.'));
			const release = version.join('.');
			const previous = older.find((each) => request.published.includes(each)) ?? older[0] ?? release;
			return { release, tags: tagsOf(version, index === 0), previous };
		})
		.filter(({ release }) => !request.published.includes(release));
}

function parse(tag: string): Version | null {
	const groups = /^(?<major>\d+)\.(?<minor>\d+)\.(?<patch>\d+)$/.exec(tag)?.groups;
	return groups === undefined ? null : [Number(groups.major), Number(groups.minor), Number(groups.patch)];
}

function tagsOf([major, minor, patch]: Version, isNewest: boolean): string[] {
	return [`${major}.${minor}.${patch}`, `${major}.${minor}`, ...(isNewest ? [String(major)] : [])];
}
