/** How to reach Kuma's database, as its own db-config.json says. */
export type DatabaseConfig =
	| { readonly type: 'sqlite'; readonly path: string }
	| {
			readonly type: 'mariadb';
			readonly host: string;
			readonly port: number;
			readonly user: string;
			readonly password: string;
			readonly database: string;
			/** A Unix socket; takes precedence over host and port, as in Kuma. */
			readonly socketPath?: string;
			/** TLS with verification; with a certificate authority of its own where one is given (PEM). */
			readonly tls?: { readonly ca?: string };
	  }
	| {
			readonly type: 'embedded-mariadb';
			readonly socketPath: string;
			readonly user: string;
			readonly database: string;
	  };
