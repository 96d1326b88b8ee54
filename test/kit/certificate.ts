import { join } from 'node:path';
import { execa } from 'execa';

/** Makes a certificate for 127.0.0.1 that signs itself. @returns the paths of it and of its key. */
export async function makeCertificate(
	directory: string,
	days: number,
): Promise<{ cert: string; key: string }> {
	const paths = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
	await execa('openssl', [
		...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', String(days)],
		...['-subj', '/CN=shop.test', '-addext', 'subjectAltName=IP:127.0.0.1'],
		...['-keyout', paths.key, '-out', paths.cert],
	]);
	return paths;
}
