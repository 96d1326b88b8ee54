import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { thirdPartyLicenses } from './third-party-licenses.ts';

/**
 * Bundles the product with everything it needs into one file that runs wherever Node does, without node_modules, and
 * the agent, which runs inside of Kuma's process, into another. What is imported with `import()` stays in the same
 * file, but is only evaluated when it is asked for.
 */

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Packages written for CommonJS call `require`, which a module has only if somebody makes it one. */
const REQUIRE = [
	"import { createRequire as createRequireForBundle } from 'node:module';",
	'const require = createRequireForBundle(import.meta.url);',
].join('\n');

/** Without it, an older Node ends with a stack trace about a module that it does not have. */
const NODE_CHECK = `{
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 13)) {
    process.stderr.write('Error: Replicator Kuma needs Node 22.13 or newer; this is Node ' + process.versions.node + '.\\n');
    process.stderr.write('Install a newer one, or let a newer one run it: /path/to/node ' + process.argv[1] + '\\n');
    process.exit(1);
  }
}`;

/**
 * An `import` of one of Node's own modules is carried out at the start of the file, whatever `import()` it stands
 * behind, and as a module `node:http` brings the whole of `fetch` along: 30 ms and 14 MB for every command. So they
 * are required, each where it is needed first.
 */
const builtinsWhenNeeded: Plugin = {
	name: 'builtins-when-needed',
	setup({ onResolve, onLoad }) {
		onResolve({ filter: /^[a-z0-9_:/]+$/ }, ({ path, namespace }) => {
			if (!isBuiltin(path)) return undefined;
			return namespace === 'builtin' ? { path, external: true } : { path, namespace: 'builtin' };
		});
		onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
			contents: `module.exports = require(${JSON.stringify(path)});`,
		}));
	},
};

/**
 * Packages that use `debug` tell each request with its address and headers to whoever sets DEBUG, as people do for Kuma:
 * credentials would stand in the log.
 */
const noDebugOutput: Plugin = {
	name: 'no-debug-output',
	setup({ onResolve, onLoad }) {
		onResolve({ filter: /^debug$/ }, ({ path }) => ({ path, namespace: 'no-debug-output' }));
		onLoad({ filter: /./, namespace: 'no-debug-output' }, () => ({
			contents: 'module.exports = () => () => undefined;',
		}));
	},
};

const { values } = parseArgs({
	options: {
		entry: { type: 'string', default: join(PROJECT, 'src', 'main.ts') },
		outfile: { type: 'string', default: join(PROJECT, 'dist', 'replicator-kuma.js') },
	},
});
const outfile = resolve(values.outfile);
const { version } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8')) as { version: string };

/** Whatever Node runs Kuma: 2.0's images carry Node 20, and people have older ones. */
const AGENT_TARGET = 'node18';

const common = {
	bundle: true,
	platform: 'node',
	// Not names: a stack trace out of the field must say something.
	minifySyntax: true,
	legalComments: 'none',
	define: { __PRODUCT_VERSION__: JSON.stringify(version) },
	metafile: true,
	absWorkingDir: PROJECT,
	logLevel: 'warning',
} as const;

const agentfile = join(dirname(outfile), 'replicator-kuma-agent.cjs');
for (const file of [outfile, agentfile]) await rm(file, { force: true });
await mkdir(dirname(outfile), { recursive: true });
const product = await build({
	...common,
	entryPoints: [resolve(values.entry)],
	outfile,
	target: 'node22.13',
	plugins: [builtinsWhenNeeded, noDebugOutput],
	format: 'esm',
	// V8 keeps the text for as long as the process lives, in twice its size if one comment has an arrow in it.
	minifyWhitespace: true,
	lineLimit: 2_000,
	sourcemap: 'linked',
	sourcesContent: false,
	banner: { js: ['#!/usr/bin/env node', REQUIRE, NODE_CHECK].join('\n') },
});
const agent = await build({
	...common,
	entryPoints: [join(PROJECT, 'src', 'agent', 'preload.ts')],
	outfile: agentfile,
	target: AGENT_TARGET,
	format: 'cjs',
});
if (product.warnings.length + agent.warnings.length > 0)
	throw new Error('A bundle that esbuild warns of is not shipped; see above');
await chmod(outfile, 0o755);
const licenses = await thirdPartyLicenses(PROJECT, Object.keys(product.metafile.inputs));
await writeFile(outfile.replace(/\.js$/, '.licenses.txt'), licenses);

for (const [file, { bytes }] of Object.entries({ ...product.metafile.outputs, ...agent.metafile.outputs })) {
	console.log(`${file}  ${Math.round(bytes / 1024)} KiB`);
}
