/** A fenced block of a Markdown document. */
export interface Fence {
	/** Of its first line of content, from 1. */
	readonly line: number;
	readonly language: string;
	/** The words behind the language, which no reader sees. */
	readonly words: readonly string[];
	readonly text: string;
}

const FENCE = /^(?<indent> *)(?<mark>`{3,}|~{3,})(?<info>.*)$/;

/** @returns the fenced blocks of a document, in their order. @throws Error for one that does not end. */
export function findFences(markdown: string): Fence[] {
	const fences: Fence[] = [];
	let open: { mark: string; indent: number; info: string; line: number; lines: string[] } | undefined;
	for (const [index, line] of markdown.split('\n').entries()) {
		const { indent = '', mark = '', info = '' } = FENCE.exec(line)?.groups ?? {};
		if (open === undefined) {
			if (mark !== '') open = { mark, indent: indent.length, info: info.trim(), line: index + 2, lines: [] };
		} else if (mark.startsWith(open.mark) && info.trim() === '') {
			const [language = '', ...words] = open.info.split(/\s+/);
			fences.push({ line: open.line, language, words, text: `${open.lines.join('\n')}\n` });
			open = undefined;
		} else {
			open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)));
		}
	}
	if (open !== undefined) throw new Error(`The block in line ${open.line} does not end`);
	return fences;
}

export interface Link {
	/** Relative to the document; empty for a place in the document itself. */
	readonly path: string;
	/** Without #; empty for a whole document. */
	readonly anchor: string;
}

/** @returns the links of a document, and its pictures, that lead to other files or to a place in it. */
export function findLocalLinks(markdown: string): Link[] {
	const prose = withoutCode(markdown);
	return [...prose.matchAll(/\]\((?<target>[^()\s]+)\)/g)]
		.map(({ groups }) => groups?.target ?? '')
		.filter((target) => !/^[a-z]+:/i.test(target))
		.map((target) => {
			const [path = '', anchor = ''] = target.split('#');
			return { path, anchor };
		});
}

/** @returns the names under which a document's headings can be linked to, as GitHub makes them. */
export function findAnchors(markdown: string): Set<string> {
	const headings = withoutCode(markdown, 'fences').match(/^#{1,6} .+$/gm) ?? [];
	return new Set(
		headings.map((heading) =>
			heading
				.replace(/^#+ /, '')
				.toLowerCase()
				.replace(/[^\p{L}\p{N}\s_-]/gu, '')
				.replaceAll(' ', '-'),
		),
	);
}

function withoutCode(markdown: string, what: 'all' | 'fences' = 'all'): string {
	const prose = markdown.replace(/^ *(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ *\1 *$/gm, '');
	return what === 'all' ? prose.replace(/`[^`\n]*`/g, '') : prose;
}
