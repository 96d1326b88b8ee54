import { requireConfig } from '../../src/config/load-config.ts';
import { openRole } from '../../src/daemon/open-role.ts';
import { fetchAhead } from '../../src/fleet/fetch-ahead.ts';
import { SnapshotFeed } from '../../src/fleet/snapshot-feed.ts';
import type { SnapshotHint } from '../../src/fleet/snapshot-hint.ts';
import { createRefusalMemory } from '../../src/instance/refusal-memory.ts';
import type { ActingRole } from '../../src/model/acting-role.ts';
import type { Announcement, Announcer, LeaderStanding } from '../../src/model/announcer.ts';
import type { FleetInstance, SnapshotStore, StateStore } from '../../src/model/instance.ts';
import type { LineagePlace } from '../../src/model/lineage.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import { NO_CLOCK } from '../../src/model/stages.ts';
import type { InstanceState } from '../../src/model/state.ts';
import type { CycleReport } from '../../src/model/status.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { readTree } from '../../src/snapshot/read-tree.ts';
import { writeTree } from '../../src/snapshot/write-tree.ts';
import { memoryDatabase } from './memory-database.ts';
import type { SimulatedFleet, SimulatedMember } from './simulated-fleet.ts';
import { SIMULATED_CATALOG } from './simulated-rows.ts';
import { memoryUploads, SILENT_LOG } from './test-instance.ts';

const INTERVAL_MS = { BACKUP: 300_000, RESTORE: 360_000 } as const;
const RETRY_MS = 5_000;
/** How soon the service looks again while it is ahead. */
const AHEAD_LOOK_MS = 20_000;
const NEVER = new Promise<never>(() => undefined);

const configs = new Map(
	(['BACKUP', 'RESTORE'] as const).map((mode) => [
		mode,
		requireConfig(
			{
				REPLICATOR_MODE: mode,
				DATA_DIR: '/nowhere',
				RESTIC_REPOSITORY: '/nowhere',
				RESTIC_PASSWORD: 'not-used',
				REPLICATOR_PUSH_MONITORS: 'run',
			},
			{ needsRepository: true },
		).config,
	]),
);

/** One run of the program on a member, from its start until it dies: what the service does, without a process. */
export class SimulatedProcess {
	readonly member: SimulatedMember;
	readonly #fleet: SimulatedFleet;
	readonly #mode: SimulatedMember['mode'];
	#isAlive = true;
	#callsLeft = Number.POSITIVE_INFINITY;
	#work: Promise<unknown> = Promise.resolve();
	#dueAt = Number.POSITIVE_INFINITY;
	#failureCount = 0;
	#instance: FleetInstance | undefined;
	#replicator: ActingRole | undefined;
	#lastReport: CycleReport | null = null;
	/** What a leader says, and with which content. */
	#feed: SnapshotFeed | null = null;
	#announcement: Announcement | null = null;
	/** Whom a replica hears, and what it was told last. */
	#connection: { readonly to: SimulatedProcess; told: unknown } | null = null;
	#hint: SnapshotHint | null = null;
	#isFollowing = false;

	constructor(fleet: SimulatedFleet, member: SimulatedMember) {
		this.#fleet = fleet;
		this.member = member;
		this.#mode = member.mode;
		this.#boot();
	}

	get isAlive(): boolean {
		return this.#isAlive;
	}

	/** When the next cycle is to begin. */
	get dueAt(): number {
		return this.#isAlive ? this.#dueAt : Number.POSITIVE_INFINITY;
	}

	get state(): InstanceState | undefined {
		return this.#instance?.state.read();
	}

	/** Whether its last cycle asked for a person. */
	get stoodDown(): boolean {
		return this.#lastReport?.outcome === 'stood-down';
	}

	/** Whatever a process does to the world passes here: it may be its last. */
	async step(): Promise<void> {
		this.#callsLeft -= 1;
		if (this.#callsLeft < 0) {
			if (this.#isAlive) this.#fleet.note('a process died at a call');
			this.die();
		}
		if (!this.#isAlive) await NEVER;
	}

	dieAfter(calls: number): void {
		this.#callsLeft = calls;
	}

	die(): void {
		this.#isAlive = false;
	}

	#boot(): void {
		const { member } = this;
		const state = this.#stateStore();
		if (this.#mode === 'BACKUP') {
			const { instanceId, announced } = state.read();
			this.#feed = new SnapshotFeed();
			this.#feed.begin({ instanceId, isOpen: announced !== null });
		}
		this.#instance = {
			mode: this.#mode,
			hostname: `host-${member.index}`,
			productVersion: '0.0.0',
			catalog: SIMULATED_CATALOG,
			state,
			snapshots: this.#snapshotStore(),
			uploads: memoryUploads(),
			log: SILENT_LOG,
			stages: NO_CLOCK,
			refusals: createRefusalMemory(),
			legacyRead: { newest: null },
			pausesPushMonitors: false,
			kuma: { version: null, monitorTypes: null, migrations: null },
			openDatabase: async () => ({
				outcome: 'opened',
				database: memoryDatabase(member.rows, () => this.step()),
			}),
			now: () => this.#fleet.wallMs(member),
			repository: this.#fleet.repositoryOf(this),
			reload: NO_RELOAD,
			...(this.#mode === 'BACKUP' ? { announcer: this.#announcer() } : {}),
		};
		const config = configs.get(this.#mode);
		if (config === undefined) throw new Error('no configuration');
		this.#replicator = openRole({
			instance: this.#instance,
			config,
			uptimeMs: () => (this.#fleet.areReplicasTrusting ? 0 : this.#fleet.uptimeMs),
		});
		this.#dueAt = this.#fleet.uptimeMs;
	}

	#stateStore(): StateStore {
		const { member } = this;
		return {
			read: () => member.state,
			save: async (change) => {
				await this.step();
				member.state = { ...member.state, ...change };
				await this.step();
			},
		};
	}

	#snapshotStore(): SnapshotStore {
		const { snapshots, index } = this.member;
		const { files } = this.#fleet.disk;
		const withFolder = async <Result>(use: (directory: string) => Promise<Result>) => {
			const directory = `/member-${index}`;
			await files.rm(directory, { recursive: true, force: true });
			return use(directory);
		};
		return {
			load: async (digest) => {
				await this.step();
				return snapshots.get(digest) ?? null;
			},
			keep: ({ digest, where, write }) =>
				withFolder(async (directory) => {
					await write(directory);
					const snapshot = await readTree({ directory, where, expectedDigest: digest });
					await this.step();
					snapshots.set(digest, snapshot);
					await this.step();
					return snapshot;
				}),
			dropAllBut: async (digests) => {
				await this.step();
				for (const digest of snapshots.keys()) if (!digests.includes(digest)) snapshots.delete(digest);
			},
			withPublishDirectory: withFolder,
			withFetchDirectory: withFolder,
			makeExportDirectory: async (name) => `/exports-${index}/${name}`,
		};
	}

	#announcer(): Announcer {
		const tell = (announcement: Announcement, isKept: boolean) => {
			const { generation, digest, instanceId } = announcement.place;
			this.#announcement = announcement;
			this.#feed?.announce({ generation, digest, isKept, instanceId }, async () => null);
		};
		return {
			announce: (announcement) => tell(announcement, false),
			confirm: (announcement) => tell(announcement, true),
			withdraw: () => {
				if (this.#feed?.newest !== null) this.#fleet.note('a leader withdrew');
				this.#feed?.withdraw();
			},
		};
	}

	/** One piece of work at a time, as the service does it. */
	#run(work: () => Promise<void>): Promise<void> {
		const done = this.#work.then(work);
		this.#work = done;
		return done;
	}

	startDueCycle(): void {
		if (!this.#isAlive || this.#dueAt > this.#fleet.uptimeMs) return;
		this.#dueAt = Number.POSITIVE_INFINITY;
		void this.#run(() => this.#report((replicator) => replicator.cycle()));
	}

	async #report(work: (replicator: ActingRole) => Promise<CycleReport>): Promise<void> {
		const replicator = this.#replicator;
		if (replicator === undefined) return;
		const wasAhead = this.state?.position?.id === null;
		try {
			const report = await work(replicator);
			this.#lastReport = report;
			this.member.hasStoodDown ||= report.outcome === 'stood-down';
			this.#failureCount = 0;
			if (report.outcome === 'published' && report.snapshotId !== null)
				this.#fleet.acknowledged.push(report.snapshotId);
			const isAhead = this.state?.position?.id === null;
			this.#fleet.note(`outcome ${report.outcome}`);
			if (isAhead && !wasAhead) this.#fleet.note('a replica went ahead');
			if (wasAhead && !isAhead && report.outcome === 'applied') this.#fleet.note('a replica went back');
			this.#lookIn(isAhead ? AHEAD_LOOK_MS : INTERVAL_MS[this.#mode]);
		} catch (error) {
			// A bug in the product must not pass for a failure of the repository.
			if (!(error instanceof ReplicatorError)) throw error;
			this.#failureCount += 1;
			this.#lookIn(Math.min(RETRY_MS * 2 ** (this.#failureCount - 1), INTERVAL_MS[this.#mode]));
		}
	}

	#lookIn(ms: number): void {
		this.#dueAt = Math.min(this.#dueAt, this.#fleet.uptimeMs + ms);
	}

	/** A person edited its Kuma. */
	noteEdit(): void {
		if (!this.#isAlive || this.#replicator === undefined) return;
		this.#replicator.foresee();
		this.#lookIn(0);
	}

	/** A person asks for a publish. */
	backup(): void {
		const orders = { takesOver: false, allowsDeletes: false, dropsHeld: [] };
		void this.#run(() => this.#report((replicator) => replicator.backup(orders)));
	}

	/** What a person does on a leader that has stood down. */
	restore(): void {
		const orders = { snapshotId: null, allowsDeletes: true, isDryRun: false };
		void this.#run(async () => {
			await this.#report((replicator) => replicator.restore(orders));
			this.#lookIn(0);
		});
	}

	listenTo(leader: SimulatedProcess | null): void {
		if (this.#mode !== 'RESTORE') return;
		this.#connection = leader === null ? null : { to: leader, told: null };
	}

	disconnect(): void {
		this.#connection = null;
	}

	/** Whether its leader says something that it has not heard. */
	get hasNews(): boolean {
		if (this.#replicator === undefined) return false;
		if (this.#connection === null) return false;
		const { to, told } = this.#connection;
		const news = to.#news;
		return news !== null && news !== told;
	}

	get #news(): unknown {
		return this.#isAlive ? (this.#feed?.newest ?? this.#feed?.withdrawal ?? null) : null;
	}

	/** Hears what its leader says now, as the events of it tell. */
	hearNews(): void {
		const { to } = this.#connection ?? {};
		if (this.#connection === null || to === undefined) return;
		this.#connection.told = to.#news;
		const hint = to.#feed?.newest ?? null;
		if (hint === null) {
			const withdrawal = to.#feed?.withdrawal ?? null;
			if (withdrawal !== null) this.#hear({ instanceId: withdrawal.instanceId, digest: null });
			return;
		}
		this.#hear({ instanceId: hint.instanceId ?? null, digest: hint.digest });
		this.#hint = hint;
		if (!this.#isFollowing) void this.#follow();
		if (hint.isKept) this.#lookIn(0);
	}

	#hear(standing: LeaderStanding): void {
		if (this.#fleet.areReplicasTrusting) return;
		if (this.#replicator?.hear(standing) === true) this.#lookIn(0);
	}

	async #follow(): Promise<void> {
		this.#isFollowing = true;
		while (this.#hint !== null) {
			const hint = this.#hint;
			this.#hint = null;
			await this.#run(() => this.#fetchAhead(hint));
		}
		this.#isFollowing = false;
	}

	async #fetchAhead(hint: SnapshotHint): Promise<void> {
		const instance = this.#instance;
		if (instance === undefined) return;
		await fetchAhead(hint, {
			content: { fetchContent: (request) => this.#download(request) },
			snapshots: instance.snapshots,
			position: () => instance.state.read().position,
			onHandedOver: (place) =>
				void this.#run(() => this.#report((replicator) => replicator.followLeader(place))),
			signal: new AbortController().signal,
			log: { ...SILENT_LOG, error: (message, fields) => raise(message, fields) },
		});
	}

	async #download(request: { readonly digest: string; readonly directory: string }): Promise<LineagePlace> {
		await this.#fleet.turn(this);
		await this.step();
		const leader = this.#connection?.to;
		const announcement = leader?.isAlive === true ? leader.#announcement : null;
		const newest = leader === undefined ? null : leader.#feed?.newest;
		if (announcement === null || newest?.digest !== request.digest)
			throw new ReplicatorError('The leader does not have that.', { code: 'snapshot-not-found' });
		const { place, manifest, tree } = announcement;
		await writeTree({ directory: request.directory, encoded: { tree }, manifest });
		return place;
	}
}

function raise(message: string, fields: unknown): never {
	throw new Error(message, { cause: fields });
}
