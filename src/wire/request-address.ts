/** An address as it is configured: a user name and a password may stand in it, or a token belongs to it. */
export interface Addressee {
	readonly url: string;
	readonly token?: string;
}

export interface RequestAddress {
	readonly url: URL;
	readonly headers: Readonly<Record<string, string>>;
	/** What may be told of it: who knows the rest can read or write what is there. */
	readonly place: string;
}

/** @returns the address without credentials, which no log and no redirect may see, and the headers that carry them instead. */
export function requestAddress(addressee: Addressee): RequestAddress {
	const url = new URL(addressee.url);
	const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
	url.username = '';
	url.password = '';
	return { url, headers: authorization(addressee.token, credentials), place: `${url.origin}/***` };
}

function authorization(token: string | undefined, credentials: string): Record<string, string> {
	if (token !== undefined) return { Authorization: `Bearer ${token}` };
	if (credentials === ':') return {};
	return { Authorization: `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}` };
}
