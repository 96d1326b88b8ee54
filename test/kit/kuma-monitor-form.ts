/** A monitor as Kuma's web page sends it. Which fields there are depends on the release. */
export type MonitorFields = Readonly<Record<string, unknown>>;

/**
 * The fields that the page of each release sends for a new http monitor, on top of the releases before. A release
 * between two of these gets the older form, which every later Kuma accepts.
 */
const FORMS: readonly { readonly since: string; readonly fields: MonitorFields }[] = [
	{
		since: '2.0.0',
		fields: {
			type: 'http',
			name: '',
			parent: null,
			url: 'https://',
			method: 'GET',
			interval: 60,
			retryInterval: 60,
			resendInterval: 0,
			maxretries: 1,
			timeout: 48,
			notificationIDList: {},
			ignoreTls: false,
			upsideDown: false,
			packetSize: 56,
			expiryNotification: false,
			maxredirects: 10,
			accepted_statuscodes: ['200-299'],
			dns_resolve_type: 'A',
			dns_resolve_server: '1.1.1.1',
			docker_container: '',
			docker_host: null,
			proxyId: null,
			mqttUsername: '',
			mqttPassword: '',
			mqttTopic: '',
			mqttSuccessMessage: '',
			authMethod: null,
			oauth_auth_method: 'client_secret_basic',
			httpBodyEncoding: 'json',
			kafkaProducerBrokers: [],
			kafkaProducerSaslOptions: { mechanism: 'None' },
			gamedigGivenPortOnly: true,
		},
	},
	{
		since: '2.0.1',
		fields: {
			ipFamily: null,
			maxretries: 0,
			mqttWebsocketPath: '',
			mqttCheckType: 'keyword',
			cacheBust: false,
			kafkaProducerSsl: false,
			kafkaProducerAllowAutoTopicCreation: false,
			remote_browser: null,
			rabbitmqNodes: [],
			rabbitmqUsername: '',
			rabbitmqPassword: '',
			conditions: [],
			ping_count: 3,
			ping_numeric: true,
			ping_per_request_timeout: 2,
			snmpVersion: '2c',
			jsonPath: '$',
			jsonPathOperator: '==',
		},
	},
	{
		since: '2.3.2',
		fields: {
			wsSubprotocol: '',
			protocol: null,
			location: 'world',
			retryOnlyOnStatusCodeFailure: false,
			domainExpiryNotification: true,
			saveResponse: false,
			saveErrorResponse: true,
			responseMaxLength: 1024,
			dns_resolve_server: '',
			basic_auth_user: '',
			basic_auth_pass: '',
			screenshot_delay: 0,
			system_service_name: '',
		},
	},
	{
		since: '2.5.3',
		fields: {
			bearer_token: '',
			gamedigToken: '',
			ntpStratumThreshold: 5,
			ntpTimeOffsetThreshold: 1000,
			ntpRootDispersionThreshold: 500,
		},
	},
];

/** Types for which the page keeps the encoding of a request body. */
const WITH_BODY = ['http', 'keyword', 'json-query'];

/**
 * What Kuma's page sends when somebody adds a monitor and fills in nothing but the given fields.
 * @param version Kuma's own, such as `2.5.3` or `2.0.0-dev.0`.
 */
export function monitorForm(version: string, fields: MonitorFields): Record<string, unknown> {
	const form = Object.assign(
		{},
		...FORMS.filter(({ since }) => isAtLeast(version, since)).map((release) => release.fields),
		byType(version, String(fields.type ?? 'http')),
		fields,
	) as Record<string, unknown>;
	return structuredClone(form);
}

/** What the page changes when a type is chosen. */
function byType(version: string, type: string): MonitorFields {
	const isRelease = isAtLeast(version, '2.0.1');
	return {
		...(WITH_BODY.includes(type) ? {} : { httpBodyEncoding: null }),
		...(type === 'dns' ? { port: '53', dns_resolve_server: '1.1.1.1' } : {}),
		...(type === 'push' ? { pushToken: randomToken(isRelease ? 32 : 10) } : {}),
		...(type === 'ping' && isRelease ? { timeout: 10 } : {}),
	};
}

function randomToken(length: number): string {
	return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => (byte % 36).toString(36)).join(
		'',
	);
}

/** A pre-release such as `2.0.0-dev.0` counts as its release. */
function isAtLeast(version: string, wanted: string): boolean {
	const [have, want] = [version, wanted].map((text) => (text.split('-', 1)[0] ?? '').split('.').map(Number));
	const [major = 0, minor = 0, patch = 0] = have ?? [];
	const [wantedMajor = 0, wantedMinor = 0, wantedPatch = 0] = want ?? [];
	return (major - wantedMajor || minor - wantedMinor || patch - wantedPatch) >= 0;
}
