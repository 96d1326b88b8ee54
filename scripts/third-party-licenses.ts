import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PACKAGE = /^(?<directory>.*node_modules\/(?<name>(?:@[^/]+\/)?[^/]+))\//;

/**
 * The licences of the packages whose code went into a bundle, which all want their text to go along with it.
 * @param inputs the files that were bundled, relative to `project`.
 * @throws Error for a package that says nothing of its licence: it may not be shipped.
 */
export async function thirdPartyLicenses(project: string, inputs: readonly string[]): Promise<string> {
	const packages = new Map<string, string>();
	for (const input of inputs) {
		const { directory, name } = PACKAGE.exec(input)?.groups ?? {};
		if (directory !== undefined && name !== undefined) packages.set(directory, name);
	}
	const sections = [...packages]
		.sort(([, a], [, b]) => (a < b ? -1 : 1))
		.map(([directory]) => licenseOf(join(project, directory)));
	return (await Promise.all(sections)).join(`\n${'-'.repeat(80)}\n\n`);
}

async function licenseOf(directory: string): Promise<string> {
	const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as {
		readonly name: string;
		readonly version: string;
		readonly license?: string;
	};
	if (manifest.license === undefined) throw new Error(`${directory} names no licence`);
	const file = (await readdir(directory)).find((name) => /^licen[cs]e\b/i.test(name));
	const text = file === undefined ? '' : `\n${(await readFile(join(directory, file), 'utf8')).trim()}\n`;
	return `${manifest.name} ${manifest.version} (${manifest.license})\n${text}`;
}
