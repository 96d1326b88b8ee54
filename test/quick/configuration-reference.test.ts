import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configurationReference } from '../../scripts/configuration-reference.ts';
import { variables } from '../../src/config/schema.ts';

test('docs/configuration.md is what "npm run docs" makes of the schema', async () => {
	const written = await readFile(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');

	expect(written).toBe(configurationReference());
});

test('the configuration reference has a row for every variable, each once', () => {
	const rows = configurationReference().match(/^\| `([A-Z_]+)`/gm) ?? [];

	const names = variables.map(({ name }) => `| \`${name}\``);
	expect(rows.toSorted()).toEqual(names.toSorted());
});
