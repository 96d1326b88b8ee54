import { analyse } from 'scslre';
import ts from 'typescript';

/** A pattern whose work can grow faster than the text that it is tried on. */
export interface SlowPattern {
	readonly pattern: string;
	readonly reason: string;
}

/**
 * Finds patterns in TypeScript that are not linear: with quantifiers that compete for the same characters, and with an
 * unbounded "anything" behind something that may be found again and again.
 * @returns them, and how many patterns there are.
 */
export function findSlowPatterns(source: string): { readonly slow: SlowPattern[]; readonly count: number } {
	const file = ts.createSourceFile('it.ts', source, ts.ScriptTarget.Latest);
	const slow: SlowPattern[] = [];
	let count = 0;
	const visit = (node: ts.Node): void => {
		if (ts.isRegularExpressionLiteral(node)) {
			count += 1;
			slow.push(...judge(node.text));
		}
		ts.forEachChild(node, visit);
	};
	visit(file);
	return { slow, count };
}

function judge(pattern: string): SlowPattern[] {
	const end = pattern.lastIndexOf('/');
	const [source, flags] = [pattern.slice(1, end), pattern.slice(end + 1)];
	const reasons: string[] = analyse({ source, flags }).reports.map(
		({ type }) => `competing quantifiers (${type})`,
	);
	// An anchor holds it to one place; without one it is tried again at each place where its beginning is found.
	if (/(?<!\\)(?:\.|\[\^\\n\])[*+]/.test(source) && (!source.startsWith('^') || flags.includes('m')))
		reasons.push('an unbounded "anything" without an anchor');
	return reasons.map((reason) => ({ pattern, reason }));
}
