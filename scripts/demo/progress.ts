import { styleText } from 'node:util';

type Style = 'green' | 'red' | 'yellow' | 'dim' | 'bold';

/** Tells a person, or the log of a machine, how far the demo is: a line for each thing done, with how long it took. */
export class Progress {
	/** On a terminal, says what is being done and replaces that by the outcome. */
	async step<Result>(title: string, work: () => Promise<Result>): Promise<Result> {
		const startedAtMs = performance.now();
		if (process.stdout.isTTY) process.stdout.write(this.colour('dim', `… ${title}`));
		try {
			const result = await work();
			this.#replace(`${this.colour('green', '✓')} ${title} ${this.#took(startedAtMs)}`);
			return result;
		} catch (error) {
			this.#replace(`${this.colour('red', '✗')} ${title} ${this.#took(startedAtMs)}`);
			throw error;
		}
	}

	done(text: string): void {
		this.line(`${this.colour('green', '✓')} ${text}`);
	}

	failed(text: string): void {
		this.line(`${this.colour('red', '✗')} ${text}`);
	}

	line(text = ''): void {
		process.stdout.write(`${text}\n`);
	}

	/** Where the terminal wants colours: not in a pipe, and not with NO_COLOR. */
	colour(style: Style, text: string): string {
		return styleText(style, text, { stream: process.stdout });
	}

	#replace(text: string): void {
		this.line(process.stdout.isTTY ? `\r\u001b[K${text}` : text);
	}

	#took(startedAtMs: number): string {
		return this.colour('dim', `(${seconds(performance.now() - startedAtMs)})`);
	}
}

/** @returns a duration as people read it. */
export function seconds(ms: number): string {
	return `${(ms / 1000).toFixed(1)} s`;
}
