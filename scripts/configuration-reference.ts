import { RESTIC_CREDENTIALS } from '../src/config/restic-variables.ts';
import { type Variable, type VariableGroup, variables } from '../src/config/schema.ts';
import { REPLICATOR_MODES } from '../src/model/role.ts';

const GROUPS: Readonly<Record<VariableGroup, string>> = {
	replication: 'Replication',
	repository: 'Repository',
	notices: 'Notices, nudges and the heartbeat',
	http: 'HTTP',
	log: 'Log',
};

const INTRODUCTION = `<!-- Written by \`npm run docs\` from src/config/schema.ts; change it there. -->

# Configuration

Environment variables configure everything. Only \`RESTIC_REPOSITORY\` and \`RESTIC_PASSWORD\` are required, and \`REPLICATOR_MODE=BACKUP\` on the leader. All problems are reported together at startup, a misspelt name with the nearest known one; an empty value counts as not set. What applies in the end, with secrets masked, and whether it works:

\`\`\`sh
replicator-kuma doctor
\`\`\`
`;

/** The document docs/configuration.md, made from the declarations that the check at start is made from. */
export function configurationReference(): string {
	const groups = Object.entries(GROUPS).map(([group, title]) => {
		const rows = (variables as readonly Variable[]).filter((variable) => variable.group === group).map(rowOf);
		return [
			`## ${title}`,
			'',
			'| variable | meaning | default | example |',
			'| --- | --- | --- | --- |',
			...rows,
		];
	});
	return [INTRODUCTION, ...groups.map((lines) => `${lines.join('\n')}\n`), files(), others()].join('\n');
}

function rowOf(variable: Variable): string {
	const { name, meaning, default: value, defaultMeaning, example, isSecret } = variable;
	const applies = value === null ? (defaultMeaning ?? '–') : code(value);
	// What describes a secret in words is no value.
	const shown = isSecret && /^(a|the) /.test(example) ? example : code(example);
	const isFileToo = variable.isReadFromFile ? ' ¹' : '';
	const cells = [`${code(name)}${isFileToo}`, meaning, applies, shown];
	return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function files(): string {
	return `¹ May come from a file instead, as Docker and Kubernetes mount secrets: \`NTFY_URL_FILE=/run/secrets/ntfy_url\` and so on. Set a value in one way only.

## Storage of the repository

Every variable whose name begins with \`RESTIC_\`, \`AWS_\`, \`B2_\`, \`AZURE_\`, \`GOOGLE_\`, \`ST_\`, \`OS_\` or \`RCLONE_\` is handed on to restic as it is, so that whatever storage restic knows can be used: [its manual](https://restic.readthedocs.io/en/stable/040_backup.html#environment-variables) lists them. These credentials may come from files, too, with \`_FILE\` behind their name:

${RESTIC_CREDENTIALS.map(code).join(', ')}.
`;
}

function others(): string {
	return `## Uptime Kuma

Uptime Kuma's own variables (\`UPTIME_KUMA_PORT\`, \`UPTIME_KUMA_HOST\`, \`UPTIME_KUMA_DB_TYPE\`, \`TZ\` …) go on to Uptime Kuma unchanged. Those of replication (\`RESTIC_…\`, \`REPLICATOR_…\`, \`NTFY_…\`) do not: Kuma runs programs for its monitors, and they need not know. The database is found in Kuma's \`db-config.json\`; there is nothing to configure.

## The same names as in the original

\`REPLICATOR_MODE\` (${REPLICATOR_MODES.map(code).join(', ')}), \`RESTIC_REPOSITORY\`, \`RESTIC_PASSWORD\`, \`NTFY_URL\` and the \`AWS_…\` variables mean what they meant there. Everything else is an addition with a default: see [migration](migration.md).
`;
}

function code(text: string): string {
	return `\`${text}\``;
}
