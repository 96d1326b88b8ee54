import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface ReceivedMail {
	readonly subject: string;
}

/** A mail server on loopback that takes everything, and delivers nothing. */
export interface SmtpSink {
	readonly port: number;
	readonly mails: readonly ReceivedMail[];
	stop(): Promise<void>;
}

export async function startSmtpSink(): Promise<SmtpSink> {
	const mails: ReceivedMail[] = [];
	const sockets = new Set<Socket>();
	const server = createServer((socket) => {
		sockets.add(socket);
		socket.on('close', () => sockets.delete(socket));
		socket.on('error', () => socket.destroy());
		void converse(socket, (mail) => mails.push(mail));
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		port: (server.address() as AddressInfo).port,
		mails,
		stop: async () => {
			server.close();
			for (const socket of sockets) socket.destroy();
			await once(server, 'close');
		},
	};
}

/** RFC 5321, as much of it as a client needs that speaks no extension. */
async function converse(socket: Socket, onMail: (mail: ReceivedMail) => void): Promise<void> {
	const say = (line: string) => socket.write(`${line}\r\n`);
	let content: string[] | null = null;
	say('220 sink');
	for await (const line of createInterface(socket)) {
		if (content !== null && line !== '.') content.push(line);
		else if (content !== null) {
			onMail({ subject: readSubject(content) });
			content = null;
			say('250 taken');
		} else if (/^DATA$/i.test(line)) {
			content = [];
			say('354 go on');
		} else if (/^QUIT$/i.test(line)) {
			say('221 bye');
			socket.end();
		} else say('250 ok');
	}
}

/** The subject in clear: a header may go on in further lines, and be encoded (RFC 2047). */
function readSubject(lines: readonly string[]): string {
	const header = lines
		.slice(0, lines.indexOf(''))
		.join('\n')
		.replace(/\n[ \t]+/g, ' ');
	const subject = /^Subject: (.*)$/im.exec(header)?.[1] ?? '';
	return subject
		.replace(/\?=\s+=\?/g, '?==?')
		.replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_whole, encoding: string, encoded: string) =>
			encoding.toLowerCase() === 'b' ? Buffer.from(encoded, 'base64').toString() : fromQ(encoded),
		);
}

function fromQ(encoded: string): string {
	const bytes = encoded.replaceAll('_', ' ').match(/=[0-9A-F]{2}|[^=]/gi) ?? [];
	return Buffer.concat(
		bytes.map((part) => (part.length === 3 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part))),
	).toString();
}
