import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../test/kit/free-port.ts';
import { KumaClient } from '../../test/kit/kuma-client.ts';
import { kumaInstallation } from '../../test/kit/kuma-installation.ts';
import { FleetMember } from './fleet-member.ts';
import type { Progress } from './progress.ts';
import { createSample, type Sample } from './sample-configuration.ts';
import { startTarget, type Target } from './start-target.ts';
import { waitForArrival, waitForPublished } from './wait-for-arrival.ts';

const MEMBERS = [
	{ name: 'leader', mode: 'BACKUP' },
	{ name: 'replica 1', mode: 'RESTORE' },
	{ name: 'replica 2', mode: 'RESTORE_LOCAL_ENTITY_REPLICATION' },
] as const;
const USERNAME = 'admin';

/** A leader with a sample configuration and two replicas that have it. */
export interface Fleet {
	readonly leader: FleetMember;
	readonly replicas: readonly FleetMember[];
	/** Logged in on the leader. */
	readonly client: KumaClient;
	readonly sample: Sample;
	/** What the sample's proxy can be pointed at instead. */
	readonly otherTarget: Target;
	readonly username: string;
	readonly password: string;
}

/** Everything that the demo has started, to be stopped whatever happens. */
export class FleetStarter {
	readonly #members: FleetMember[] = [];
	readonly #targets: Target[] = [];
	#client: KumaClient | undefined;

	/** @param root a folder of the demo's own. */
	async start(options: {
		readonly root: string;
		readonly logDirectory: string;
		readonly progress: Progress;
		readonly signal: AbortSignal;
	}): Promise<Fleet> {
		const { progress, signal } = options;
		const [target, otherTarget] = [await startTarget(), await startTarget()];
		this.#targets.push(target, otherTarget);
		const kuma = await kumaInstallation();
		const ports = [await freePort(), await freePort(), await freePort()];
		mkdirSync(options.logDirectory);
		const repository = {
			RESTIC_REPOSITORY: join(options.root, 'repository'),
			RESTIC_PASSWORD: randomBytes(24).toString('base64url'),
		};
		signal.throwIfAborted();
		for (const [index, member] of MEMBERS.entries())
			this.#members.push(
				new FleetMember({ ...options, ...member, port: ports[index] ?? 0, kuma, repository }),
			);
		const [leader, ...replicas] = this.#members as [FleetMember, ...FleetMember[]];
		await progress.step(`Starting a leader and two replicas (Uptime Kuma ${kuma.version})`, () =>
			Promise.all(this.#members.map((member) => member.ready())),
		);
		const password = randomBytes(12).toString('base64url');
		const { client, sample } = await progress.step(
			'Setting up the leader: user, monitors, status page …',
			async () => {
				const connected = await KumaClient.connect(leader.url);
				this.#client = connected;
				await connected.setup(USERNAME, password);
				return { client: connected, sample: await createSample(connected, target) };
			},
		);
		await progress.step('Waiting until both replicas have all of it', async () => {
			const generation = await waitForPublished(leader, Date.now());
			await Promise.all(replicas.map((replica) => waitForArrival(replica, generation)));
		});
		return { leader, replicas, client, sample, otherTarget, username: USERNAME, password };
	}

	/** @throws AggregateError after having stopped what could be stopped. */
	async stop(): Promise<void> {
		this.#client?.close();
		const stops = await Promise.allSettled(this.#members.map((member) => member.stop()));
		for (const target of this.#targets) target.close();
		const errors = stops.flatMap((stop) => (stop.status === 'rejected' ? [stop.reason] : []));
		if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
	}
}
