import Module from 'node:module';
import { join } from 'node:path';
import { guarded } from '../agent-log.ts';

export interface ModuleHook {
	/** Changes the text of the module before it is compiled; the file stays as it is. */
	readonly onSource?: (source: string) => string;
	/** Called when the module has run, before whoever asked for it gets it. */
	readonly onLoaded?: (exports: unknown) => void;
}

interface LoadingModule {
	exports: unknown;
	_compile(source: string, filename: string, ...rest: unknown[]): unknown;
}
type Loader = (module: LoadingModule, filename: string) => void;

/**
 * Watches modules of Kuma while they are loaded. Node's loader of CommonJS files is undocumented, but has been the
 * same since Node 0.x and is what every tracing tool hooks into.
 * @param hooks by path below `root`.
 */
export function hookModules(root: string, hooks: Readonly<Record<string, ModuleHook>>): void {
	const byFile = new Map(Object.entries(hooks).map(([path, hook]) => [join(root, path), hook]));
	const { _extensions: loaders } = Module as unknown as { _extensions: Record<string, Loader> };
	const load = loaders['.js'];
	if (load === undefined) return;
	loaders['.js'] = (module, filename) => {
		const hook = byFile.get(filename);
		const { onSource } = hook ?? {};
		if (onSource !== undefined) {
			const compile = module._compile;
			module._compile = (source, name, ...rest) =>
				compile.call(module, guarded(`changing ${name}`, () => onSource(source)) ?? source, name, ...rest);
		}
		load(module, filename);
		if (hook?.onLoaded !== undefined)
			guarded(`hooking into ${filename}`, () => hook.onLoaded?.(module.exports));
	};
}
