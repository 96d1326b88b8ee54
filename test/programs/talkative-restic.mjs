// Stands in the place of restic: says what TALK asks for on its error output, leaves the file SPOKEN, and ends with 1, or
// never.
import { writeFileSync } from 'node:fs';

const MEGABYTE = 1024 * 1024;
// What made patterns with nested quantifiers look again and again.
const UNIT = 'Load(<data/returned error, retrying after 1s: <Remove(<unable to open config file: ';
const text = (length) => UNIT.repeat(Math.ceil(length / UNIT.length)).slice(0, length);

const say = (words) => new Promise((resolve) => process.stderr.write(words, resolve));
const TALKS = {
	line: async () => say(`${text(MEGABYTE)}\n`),
	'no end': async () => say(text(MEGABYTE)),
	'long lines': async () => {
		for (let count = 0; count < 20; count += 1) await say(`${text(64 * 1024)}\n`);
	},
	'growing lines': async () => {
		for (let length = 1; length < 1_400; length += 1) await say(`${text(length)}\n`);
	},
	'short lines': async () => {
		const some = `${'returned error, retrying after 1s\n'.repeat(1_000)}`;
		for (let count = 0; count < 30; count += 1) await say(some);
	},
	drip: async () => {
		for (const character of text(5_000)) await say(character);
	},
	json: async () => say(`${JSON.stringify({ message_type: 'error', error: { message: text(MEGABYTE) } })}\n`),
};

await TALKS[process.env.TALK]();
writeFileSync(process.env.SPOKEN, '');
if (process.env.THEN === 'hang') setInterval(() => {}, 2 ** 30);
else process.exitCode = 1;
