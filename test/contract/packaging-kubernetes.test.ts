import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load-config.ts';
import { checkManifest, type Manifest } from '../kit/check-manifest.ts';

const FOLDER = join(import.meta.dirname, '../../packaging/kubernetes');
const FILES = ['fleet.yaml', 'leader.yaml', 'replica.yaml'] as const;
const FILLED_IN = { RESTIC_PASSWORD: 'sesame-open-up', REPLICATOR_TOKEN: '4f1c0e7b92d84a65b3a1' };

interface Probe {
	readonly httpGet?: { readonly port: string };
	readonly tcpSocket?: { readonly port: string };
}

interface Workload extends Manifest {
	readonly spec: {
		readonly replicas: number;
		readonly template: {
			readonly metadata: { readonly labels: Readonly<Record<string, string>> };
			readonly spec: {
				readonly containers: readonly [
					{
						readonly env: readonly { readonly name: string; readonly value?: string }[];
						readonly startupProbe: Probe;
						readonly readinessProbe: Probe;
						readonly livenessProbe: Probe;
					},
				];
			};
		};
	};
}

async function readManifests(file: string): Promise<Manifest[]> {
	const documents = parseAllDocuments(await readFile(join(FOLDER, file), 'utf8'));
	return documents.map((document) => {
		expect(document.errors).toEqual([]);
		return document.toJS() as Manifest;
	});
}

async function findManifest<Kind extends Manifest>(file: string, kind: string): Promise<Kind> {
	const manifest = (await readManifests(file)).find((each) => each.kind === kind);
	if (manifest === undefined) throw new Error(`${file} has no ${kind}`);
	return manifest as Kind;
}

/** What the container of a role finds in its environment. */
async function environmentOf(file: string): Promise<Record<string, string>> {
	const workload = await findManifest<Workload>(file, 'StatefulSet');
	const secret = await findManifest<Manifest & { stringData: Record<string, string> }>(
		'fleet.yaml',
		'Secret',
	);
	const shared = await findManifest<Manifest & { data: Record<string, string> }>('fleet.yaml', 'ConfigMap');
	const own = workload.spec.template.spec.containers[0].env.map(({ name, value }) => [
		name,
		value ?? 'pod-0',
	]);
	return { ...shared.data, ...secret.stringData, ...Object.fromEntries(own) };
}

describe('the Kubernetes manifests', () => {
	test.each(FILES)("%s follows Kubernetes' schema, down to the last key", async (file) => {
		const manifests = await readManifests(file);

		expect(manifests.length).toBeGreaterThan(1);
		for (const manifest of manifests) expect(checkManifest(manifest)).toEqual([]);
	});

	test('a key that Kubernetes does not know, a wrong type and a missing field are found', async () => {
		const { spec, ...rest } = await findManifest<Workload>('leader.yaml', 'StatefulSet');

		expect(checkManifest({ ...rest, spec: { ...spec, replica: 1 } } as never)).toEqual([
			expect.stringMatching(/'"replica"' does not exist/),
		]);
		expect(checkManifest({ ...rest, spec: { ...spec, replicas: '1' } } as never)).toContainEqual(
			expect.stringContaining('must be integer'),
		);
		expect(checkManifest({ ...rest, spec: {} } as never)).toContainEqual(
			expect.stringContaining('must have required property selector'),
		);
	});

	test.each([
		['leader.yaml', 'BACKUP'],
		['replica.yaml', 'RESTORE'],
	])('%s configures a %s, once the secrets are filled in, without a remark', async (file, mode) => {
		const environment = await environmentOf(file);

		const { config, problems, warnings } = loadConfig(
			{ ...environment, ...FILLED_IN },
			{ needsRepository: true },
		);

		expect([problems, warnings]).toEqual([[], []]);
		expect(config?.mode).toBe(mode);
	});

	test('nothing starts with the secrets as they lie here', async () => {
		const { problems } = loadConfig(await environmentOf('leader.yaml'), { needsRepository: true });

		expect(problems.map(({ variable }) => variable)).toEqual(
			expect.arrayContaining(['RESTIC_PASSWORD', 'REPLICATOR_TOKEN']),
		);
	});

	test.each(['leader.yaml', 'replica.yaml'])(
		'%s has probes that ask Kuma and never replication',
		async (file) => {
			const { spec } = await findManifest<Workload>(file, 'StatefulSet');
			const service = await findManifest<Manifest & { spec: { selector: object } }>(file, 'Service');
			const [{ startupProbe, readinessProbe, livenessProbe }] = spec.template.spec.containers;

			for (const { httpGet, tcpSocket } of [startupProbe, readinessProbe, livenessProbe])
				expect((httpGet ?? tcpSocket)?.port).toBe('http');
			expect(spec.template.metadata.labels).toMatchObject(service.spec.selector);
			expect(spec.replicas).toBe(1);
		},
	);
});
