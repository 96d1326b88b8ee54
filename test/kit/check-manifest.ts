import { join } from 'node:path';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import ts from 'typescript';

const MODELS: Readonly<Record<string, { readonly model: new (data: never) => { validate(): void } }>> = {
	'v1/ConfigMap': { model: ConfigMap },
	'v1/Secret': { model: Secret },
	'v1/Service': { model: Service },
	'apps/v1/StatefulSet': { model: StatefulSet },
};

export interface Manifest {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: { readonly name: string };
}

/**
 * Holds a manifest against Kubernetes' own schema. That one allows keys that it does not know, as a server drops them
 * without a word, so the manifest is compiled as a literal of the type that is made from the schema, too.
 * @returns what is wrong, in words.
 */
export function checkManifest(manifest: Manifest): string[] {
	const name = `${manifest.apiVersion}/${manifest.kind}`;
	const known = MODELS[name];
	if (known === undefined) return [`${name} is no kind that is known here`];
	const problems = unknownKeys(manifest, name);
	try {
		new known.model(manifest as never).validate();
	} catch (error) {
		problems.push(error instanceof Error ? error.message : String(error));
	}
	return problems;
}

function unknownKeys(manifest: Manifest, name: string): string[] {
	const path = join(import.meta.dirname, 'manifest.ts');
	const text = [
		`import type { I${manifest.kind} } from 'kubernetes-models/${name}';`,
		`export const manifest: I${manifest.kind} = ${JSON.stringify(manifest, undefined, 1)};`,
	].join('\n');
	const options: ts.CompilerOptions = {
		strict: true,
		noEmit: true,
		skipLibCheck: true,
		types: [],
		module: ts.ModuleKind.NodeNext,
		moduleResolution: ts.ModuleResolutionKind.NodeNext,
		target: ts.ScriptTarget.ES2024,
	};
	const host = ts.createCompilerHost(options);
	const { getSourceFile, fileExists, readFile } = host;
	host.fileExists = (file) => file === path || fileExists(file);
	host.readFile = (file) => (file === path ? text : readFile(file));
	host.getSourceFile = (file, ...others) =>
		file === path ? ts.createSourceFile(file, text, ts.ScriptTarget.ES2024) : getSourceFile(file, ...others);
	const program = ts.createProgram([path], options, host);
	return ts
		.getPreEmitDiagnostics(program)
		.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
