import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configurationReference } from './configuration-reference.ts';

/** Writes the documents that are made from the source. */

const path = join(import.meta.dirname, '..', 'docs', 'configuration.md');
await writeFile(path, configurationReference());
console.log(path);
