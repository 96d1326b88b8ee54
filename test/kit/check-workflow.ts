import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { temporaryDirectory } from './temporary-directory.ts';

type Parser = typeof import('@actions/workflow-parser');

const PROJECT = join(import.meta.dirname, '../..');

/** Where workflows are that others call, for the inputs that they want. */
const PROJECT_FILES = {
	getFileContent: async ({ path }: { readonly path: string }) => ({
		name: path,
		content: await readFile(join(PROJECT, path), 'utf8'),
	}),
};

/**
 * Holds a workflow against GitHub's own schema, its expressions included: every key, and which contexts may be used
 * where. Which values a context has (`matrix.node`) is not known to it.
 * @returns what is wrong, in words.
 */
export async function checkWorkflow(name: string, content: string): Promise<string[]> {
	const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await loadParser();
	const { context, value } = parseWorkflow({ name, content }, new NoOperationTraceWriter());
	if (value !== undefined)
		await convertWorkflowTemplate(context, value, PROJECT_FILES, { fetchReusableWorkflowDepth: 1 });
	return context.errors.getErrors().map(({ message }) => message);
}

let parser: Promise<Parser> | undefined;

/** GitHub's modules import JSON as bundlers let them, and Node does not. */
function loadParser(): Promise<Parser> {
	parser ??= bundleParser();
	return parser;
}

async function bundleParser(): Promise<Parser> {
	const outfile = join(await temporaryDirectory('workflow-parser'), 'parser.cjs');
	await build({
		stdin: { contents: "export * from '@actions/workflow-parser';", resolveDir: import.meta.dirname },
		bundle: true,
		outfile,
		platform: 'node',
		format: 'cjs',
	});
	return createRequire(import.meta.url)(outfile) as Parser;
}
