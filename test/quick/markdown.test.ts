import { expect, test } from 'vitest';
import { findAnchors, findFences, findLocalLinks } from '../kit/markdown.ts';

const MARKDOWN = `# The first: *heading*

See [the other](other.md#place), [here](#the-first-heading), ![a picture](a.svg) and [the web](https://example.com/).
\`[no](link.md)\`

\`\`\`sh outside
# no heading
[no](link.md)
\`\`\`

1. In a list:

   \`\`\`text
   one
     two
   \`\`\`
`;

test('blocks are found with their line, language and words, in lists too', () => {
	expect(findFences(MARKDOWN)).toEqual([
		{ line: 7, language: 'sh', words: ['outside'], text: '# no heading\n[no](link.md)\n' },
		{ line: 14, language: 'text', words: [], text: 'one\n  two\n' },
	]);
	expect(() => findFences('```sh\nls\n')).toThrow('The block in line 2 does not end');
});

test('links and headings are found outside of code', () => {
	expect(findLocalLinks(MARKDOWN)).toEqual([
		{ path: 'other.md', anchor: 'place' },
		{ path: '', anchor: 'the-first-heading' },
		{ path: 'a.svg', anchor: '' },
	]);
	expect([...findAnchors(MARKDOWN)]).toEqual(['the-first-heading']);
});
