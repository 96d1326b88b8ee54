import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../kit/temporary-directory.ts';

const PROJECT = join(import.meta.dirname, '../..');
const TOP = 'commands';

function check(what: 'imports' | 'sizes', root: string) {
	return execa('node', [join(PROJECT, `scripts/check-${what}.ts`), root], {
		reject: false,
		preferLocal: true,
		localDir: PROJECT,
	});
}

test('an arrow that runs back up is found in every folder, and so is a folder without a rule', async () => {
	const root = await temporaryDirectory('house');
	for (const name of ['src', '.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
		await cp(join(PROJECT, name), join(root, name), { recursive: true });
	await symlink(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
	const entries = await readdir(join(root, 'src'), { withFileTypes: true });
	const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
	await mkdir(join(root, 'src/attic'));
	for (const folder of [...folders, 'attic']) {
		const above = folder === TOP ? '../main.ts' : `../${TOP}/backup.ts`;
		await writeFile(join(root, 'src', folder, 'made-up.ts'), `import '${above}';\n`);
	}

	const { exitCode, stderr } = await check('imports', root);

	expect(exitCode).toBe(1);
	const found = stderr.split('\n').filter((line) => line.includes('made-up.ts'));
	for (const folder of folders)
		expect(found).toContainEqual(
			expect.stringContaining(`${folder}-imports-what-is-below: src/${folder}/made-up.ts`),
		);
	expect(found).toContainEqual(expect.stringContaining('every-folder-has-a-rule: src/attic/made-up.ts'));
});

test('a folder with too many files is found, and so is a file with too many lines', async () => {
	const root = await temporaryDirectory('house');
	await mkdir(join(root, 'src/attic/box'), { recursive: true });
	for (let index = 0; index < 13; index += 1) {
		await writeFile(join(root, `src/attic/thing-${index}.ts`), '\n');
		await writeFile(join(root, `src/attic/thing-${index}.test.ts`), '\n'.repeat(500));
	}
	await writeFile(join(root, 'src/attic/box/long.ts'), '\n'.repeat(401));

	const { exitCode, stderr } = await check('sizes', root);

	expect(exitCode).toBe(1);
	expect(stderr.split('\n')).toEqual([
		'src/attic has 13 files; 12 is the most',
		'src/attic/box/long.ts has 401 lines; 400 is the most',
	]);
});
