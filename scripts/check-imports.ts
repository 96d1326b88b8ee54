import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

/**
 * Holds the import arrows of .dependency-cruiser.cjs against the source. A cruise that found no module, or modules but
 * no import between them, has understood nothing and must not pass: that happens when TypeScript is too new for it.
 */

process.chdir(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))));
const options = await extractDepcruiseOptions('./.dependency-cruiser.cjs');
const { output } = await cruise(['src'], options, undefined, {
	tsConfig: extractTSConfig('./tsconfig.json'),
});
if (typeof output === 'string') throw new Error('dependency-cruiser gave a text instead of its result');
report(output);

function report({ modules, summary }: ICruiseResult): void {
	const ours = modules.filter(({ source }) => source.startsWith('src/'));
	const imports = ours.flatMap(({ dependencies }) => dependencies);
	const unresolved = ours.flatMap(({ source, dependencies }) =>
		dependencies
			.filter(({ couldNotResolve }) => couldNotResolve)
			.map(({ module }) => `${source} → ${module}`),
	);
	const problems = [
		...summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`),
		...unresolved.map((arrow) => `cannot be resolved: ${arrow}`),
		...(ours.length === 0 ? ['no module found under src/'] : []),
		...(ours.length > 0 && imports.length === 0 ? ['no import found in any module under src/'] : []),
	];
	for (const problem of problems) console.error(problem);
	console.log(`${ours.length} modules, ${imports.length} imports, ${problems.length} problems`);
	if (problems.length > 0) process.exitCode = 1;
}
