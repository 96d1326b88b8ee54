import * as z from 'zod';
import { DEFAULT_FLEET, type Retention } from '../model/lineage.ts';
import { LOG_FORMATS, LOG_LEVELS } from '../model/log.ts';
import { REPLICATOR_MODES } from '../model/role.ts';
import {
	choiceOf,
	formatRetention,
	guardThresholds,
	httpUrl,
	listeningAddress,
	longToken,
	retentionRules,
	serverUrl,
	textLike,
	tokenText,
	topicUrl,
	type ValueSchema,
	wholeNumber,
} from './value-schemas.ts';

const PUSH_MONITORS = ['pause', 'run'] as const;
const SWITCH = ['on', 'off'] as const;

export type VariableGroup = 'replication' | 'repository' | 'notices' | 'http' | 'log';

/** One environment variable. The configuration reference and the check at start are made from this alone. */
export interface Variable<Value = unknown> {
	readonly name: string;
	/** One sentence. */
	readonly meaning: string;
	/** What applies when the variable is not set, as it could be written; null when nothing does. */
	readonly default: string | null;
	/** Says in words what applies when the variable is not set and `default` cannot. */
	readonly defaultMeaning?: string;
	readonly example: string;
	readonly isSecret: boolean;
	/** Whether `<name>_FILE` may name a file that holds the value instead (Docker secrets). */
	readonly isReadFromFile: boolean;
	/** Whether an empty value means something; otherwise it counts as not set. */
	readonly isEmptyAValue?: boolean;
	readonly group: VariableGroup;
	readonly schema: ValueSchema<Value>;
}

const TOKEN_LENGTH_MIN = 16;

const DEFAULT_RETENTION: Retention = { last: 100, days: 30, months: 12 };

const anyText = z.string();
const plainVariable = { isSecret: false, isReadFromFile: false } as const;
const secretVariable = { isSecret: true, isReadFromFile: true } as const;
/** restic reads these itself, the files too. */
const resticVariable = { ...plainVariable, group: 'repository', default: null, schema: anyText } as const;

export const VARIABLES = {
	mode: {
		...plainVariable,
		name: 'REPLICATOR_MODE',
		meaning:
			'What this instance does: BACKUP leads, RESTORE follows the leader in everything, and ' +
			'RESTORE_LOCAL_ENTITY_REPLICATION follows it but keeps its own edits of proxies, remote browsers and Docker hosts.',
		default: 'RESTORE',
		example: 'BACKUP',
		group: 'replication',
		schema: choiceOf(REPLICATOR_MODES),
	},
	dataDirectory: {
		...plainVariable,
		name: 'DATA_DIR',
		meaning: "Uptime Kuma's data directory, as Kuma itself reads it.",
		default: './data/',
		example: '/app/data/',
		group: 'replication',
		schema: anyText,
	},
	interval: {
		...plainVariable,
		name: 'REPLICATOR_INTERVAL',
		meaning: 'Seconds from the end of one replication cycle to the start of the next, from 5 to 86400.',
		default: null,
		defaultMeaning: '300 on a leader, 360 on a replica',
		example: '60',
		group: 'replication',
		schema: wholeNumber({ min: 5, max: 86_400, unit: 'seconds' }),
	},
	fleet: {
		...plainVariable,
		name: 'REPLICATOR_FLEET',
		meaning:
			'Name of the fleet that this instance belongs to, so that several fleets can share one repository.',
		default: DEFAULT_FLEET,
		example: 'production',
		group: 'replication',
		schema: textLike(
			/^[A-Za-z0-9._-]{1,64}$/,
			'1 to 64 letters, digits, dots, underscores and hyphens, such as production',
		),
	},
	hostname: {
		...plainVariable,
		name: 'REPLICATOR_HOSTNAME',
		meaning: 'Name of this instance in snapshots and notices.',
		default: null,
		defaultMeaning: "the operating system's host name",
		example: 'kuma-frankfurt',
		group: 'replication',
		schema: textLike(
			/^[^\p{Cc}\p{Cs}\s-][^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{0,99}$/u,
			'a name of up to 100 characters on one line',
		),
	},
	pushMonitors: {
		...plainVariable,
		name: 'REPLICATOR_PUSH_MONITORS',
		meaning:
			'What a replica does with push monitors: pause, because their URL is called on one instance only and they would ' +
			'be down everywhere else, or run, for URLs that are called on this instance, too.',
		default: 'pause',
		example: 'run',
		group: 'replication',
		schema: choiceOf(PUSH_MONITORS),
	},
	startTimeout: {
		...plainVariable,
		name: 'REPLICATOR_START_TIMEOUT',
		meaning:
			'Seconds that a starting Kuma is held at most until the newest snapshot is applied, from 1 to 600; after that ' +
			'it starts with what it has.',
		default: '30',
		example: '60',
		group: 'replication',
		schema: wholeNumber({ min: 1, max: 600, unit: 'seconds' }),
	},
	notificationPrefix: {
		...plainVariable,
		name: 'REPLICATOR_NOTIFICATION_PREFIX',
		meaning: 'Stands in front of everything that this instance notifies; empty switches it off.',
		default: null,
		defaultMeaning: 'the name of this instance in brackets',
		example: '[Frankfurt]',
		isEmptyAValue: true,
		group: 'notices',
		schema: textLike(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{0,100}$/u, 'up to 100 characters on one line'),
	},
	guard: {
		...plainVariable,
		name: 'REPLICATOR_GUARD_MONITORS',
		meaning:
			"Holds a snapshot that would delete at least this share and at least this many of a replica's monitors " +
			'until a person confirms it: SHARE%,COUNT, or off.',
		default: '50%,10',
		example: '20%,5',
		group: 'replication',
		schema: guardThresholds(),
	},
	repository: {
		...resticVariable,
		name: 'RESTIC_REPOSITORY',
		meaning: 'Where snapshots are kept: a repository of any kind that restic knows.',
		example: 's3:s3.eu-central-1.amazonaws.com/my-bucket/kuma',
	},
	repositoryFile: {
		...resticVariable,
		name: 'RESTIC_REPOSITORY_FILE',
		meaning: 'File that holds the location of the repository, instead of RESTIC_REPOSITORY.',
		example: '/run/secrets/restic_repository',
	},
	password: {
		...resticVariable,
		name: 'RESTIC_PASSWORD',
		meaning: 'Password of the repository; if it is lost, nobody can ever read the snapshots again.',
		example: 'a long random text',
		isSecret: true,
	},
	passwordFile: {
		...resticVariable,
		name: 'RESTIC_PASSWORD_FILE',
		meaning: 'File that holds the password of the repository, instead of RESTIC_PASSWORD.',
		example: '/run/secrets/restic_password',
	},
	passwordCommand: {
		...resticVariable,
		name: 'RESTIC_PASSWORD_COMMAND',
		meaning: 'Command that prints the password of the repository, instead of RESTIC_PASSWORD.',
		example: 'pass show kuma/restic',
		isSecret: true,
	},
	retention: {
		...plainVariable,
		name: 'REPLICATOR_RETENTION',
		meaning:
			'How many snapshots a leader keeps: the last ones, one a day and one a month; a rule that is not named ' +
			'keeps its default, and 0 switches days or months off.',
		default: formatRetention(DEFAULT_RETENTION),
		example: 'last=20,months=24',
		group: 'repository',
		schema: retentionRules(DEFAULT_RETENTION),
	},
	awsRegion: {
		...resticVariable,
		name: 'AWS_DEFAULT_REGION',
		meaning: 'Region of the bucket, for S3 repositories.',
		example: 'eu-central-1',
	},
	awsAccessKeyId: {
		...resticVariable,
		...secretVariable,
		name: 'AWS_ACCESS_KEY_ID',
		meaning: 'Access key, for S3 repositories.',
		example: 'the id that your provider shows',
	},
	awsSecretAccessKey: {
		...resticVariable,
		...secretVariable,
		name: 'AWS_SECRET_ACCESS_KEY',
		meaning: 'Secret of the access key, for S3 repositories.',
		example: 'the secret that your provider showed once',
	},
	ntfyUrl: {
		...secretVariable,
		name: 'NTFY_URL',
		meaning:
			'ntfy topic that notices go to; https is assumed without a scheme, and a user name and password may stand in it.',
		default: null,
		example: 'ntfy.sh/my-fleet-8f3a',
		group: 'notices',
		schema: topicUrl(),
	},
	ntfyToken: {
		...secretVariable,
		name: 'NTFY_TOKEN',
		meaning: 'Access token for the ntfy server, instead of a user name and password in NTFY_URL.',
		default: null,
		example: 'tk_exampletoken',
		group: 'notices',
		schema: tokenText(),
	},
	nudge: {
		...plainVariable,
		name: 'REPLICATOR_NUDGE',
		meaning:
			'Whether replicas look at once when they are notified through ntfy, or see in a local folder, that the leader has ' +
			'published: on or off.',
		default: 'on',
		example: 'off',
		group: 'notices',
		schema: choiceOf(SWITCH),
	},
	nudgeUrl: {
		...secretVariable,
		name: 'REPLICATOR_NUDGE_URL',
		meaning:
			'ntfy topic for what a leader tells replicas, instead of the one in NTFY_URL, for people whose phones need ' +
			'not see it; the same on every instance of the fleet.',
		default: null,
		defaultMeaning: 'the topic in NTFY_URL',
		example: 'ntfy.sh/my-fleet-8f3a-nudges',
		group: 'notices',
		schema: topicUrl(),
	},
	heartbeatUrl: {
		...secretVariable,
		name: 'REPLICATOR_HEARTBEAT_URL',
		meaning:
			"URL that is called after each replication cycle: of a push monitor of Uptime Kuma, or of a check as healthchecks' are.",
		default: null,
		example: 'https://status.example.com/api/push/6sHqNxbQTN?status=up&msg=OK&ping=',
		group: 'notices',
		schema: httpUrl(),
	},
	listen: {
		...plainVariable,
		name: 'REPLICATOR_LISTEN',
		meaning:
			'Where this instance answers over HTTP (health, metrics, status, events for replicas): PORT for this machine ' +
			'only, HOST:PORT or [IPV6]:PORT; off unless it is set.',
		default: null,
		example: '0.0.0.0:8080',
		group: 'http',
		schema: listeningAddress(),
	},
	token: {
		...secretVariable,
		name: 'REPLICATOR_TOKEN',
		meaning:
			'Secret that the fleet shares to ask one another over HTTP, at least 16 characters; required where ' +
			'REPLICATOR_LISTEN can be reached from other machines.',
		default: null,
		example: '4f1c0e7b92d84a65b3a1',
		group: 'http',
		schema: longToken(TOKEN_LENGTH_MIN),
	},
	leaderUrl: {
		...plainVariable,
		name: 'REPLICATOR_LEADER_URL',
		meaning:
			"Address of the leader's REPLICATOR_LISTEN, on replicas: what the leader publishes arrives from there within " +
			'a second.',
		default: null,
		example: 'http://kuma-leader:8080',
		group: 'http',
		schema: serverUrl(),
	},
	logLevel: {
		...plainVariable,
		name: 'REPLICATOR_LOG_LEVEL',
		meaning: 'The least important lines that are logged: debug, info, warning or error.',
		default: 'info',
		example: 'debug',
		group: 'log',
		schema: choiceOf(LOG_LEVELS),
	},
	logFormat: {
		...plainVariable,
		name: 'REPLICATOR_LOG_FORMAT',
		meaning: 'How lines are logged: text for people, or json for programs, one object a line.',
		default: 'text',
		example: 'json',
		group: 'log',
		schema: choiceOf(LOG_FORMATS),
	},
} as const satisfies Record<string, Variable>;

/** Every declared variable, in the order in which the configuration reference shows them. */
export const variables: readonly Variable[] = Object.values(VARIABLES);
