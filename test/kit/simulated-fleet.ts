import { freshState } from '../../src/instance/state-folder/state-file.ts';
import { findHead } from '../../src/lineage/find-head.ts';
import type { Repository } from '../../src/model/lineage.ts';
import { ReplicatorError } from '../../src/model/replicator-error.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { InstanceState } from '../../src/model/state.ts';
import type { MemoryRows } from './memory-database.ts';
import type { MemoryDisk } from './memory-files.ts';
import { type MemoryStore, memoryRepository, memoryStore, type RepositoryCall } from './memory-repository.ts';
import { randomFrom } from './random-from.ts';
import { SimulatedProcess } from './simulated-process.ts';
import { contentOf, firstMonitor, firstRows, MONITORS } from './simulated-rows.ts';
import type { Failure, Step } from './simulated-step.ts';

export const MEMBER_COUNT = 4;
const EPOCH = Date.UTC(2026, 10, 27);
const TURN_MS = 5;
/** Longer than any wait behind a failure, and than what is handed over may be missing from the repository. */
const QUIET_MS = 7 * 60_000;
/** By then, whoever hears the leader is not ahead any more. */
const SOON_MS = 15_000;
const TURNS_MAX = 20_000;

/** A member with what survives its processes. */
export interface SimulatedMember {
	readonly index: number;
	readonly rows: MemoryRows;
	state: InstanceState;
	readonly snapshots: Map<string, Snapshot>;
	mode: 'BACKUP' | 'RESTORE';
	process: SimulatedProcess | null;
	failure: Failure;
	/** Whether it ever took a head for another leader's. */
	hasStoodDown: boolean;
	/** How far its clock on the wall is off. */
	clockErrorMs: number;
}

/** Somebody who waits to go on. */
interface Turn {
	readonly process: SimulatedProcess;
	readonly take: () => void;
}

/** Interesting things that happened, to see that a simulation reaches them. */
export type Seen = Record<string, number>;

interface Beginning {
	readonly kept: MemoryStore['kept'];
	readonly members: readonly SimulatedMember[];
}

let beginning: Beginning | undefined;

export class SimulatedFleet {
	readonly disk: MemoryDisk;
	readonly members: readonly SimulatedMember[];
	/** restic's ids of what a leader called published. */
	readonly acknowledged: string[] = [];
	readonly seen: Seen;
	readonly #store: MemoryStore = memoryStore();
	readonly #random: () => number;
	#turns: Turn[] = [];
	#hanging: (Turn & { readonly member: SimulatedMember })[] = [];
	#ms = 0;
	#published = 0;
	#lastLeader = 0;

	/** Whether replicas, as those of version 0.1.0, hear of no withdrawal and end no loan by themselves. */
	readonly areReplicasTrusting: boolean;

	constructor(options: {
		readonly disk: MemoryDisk;
		readonly seed: number;
		readonly seen: Seen;
		readonly areReplicasTrusting?: boolean;
	}) {
		this.disk = options.disk;
		this.areReplicasTrusting = options.areReplicasTrusting ?? false;
		this.seen = options.seen;
		this.#random = randomFrom(options.seed);
		this.disk.clear();
		this.members = Array.from({ length: MEMBER_COUNT }, (_, index) => ({
			index,
			rows: firstRows(),
			state: freshState(`member-${index}`),
			snapshots: new Map(),
			mode: index === 0 ? 'BACKUP' : 'RESTORE',
			process: null,
			failure: 'none',
			hasStoodDown: false,
			clockErrorMs: 0,
		}));
	}

	/** Milliseconds of a clock that only goes forward. */
	get uptimeMs(): number {
		return this.#ms;
	}

	wallMs(member: SimulatedMember): number {
		return EPOCH + this.#ms + member.clockErrorMs;
	}

	/** Starts everybody where all hold the first snapshot, and lets them connect. */
	async begin(): Promise<void> {
		beginning ??= await this.#make();
		this.#store.exists = true;
		this.#store.kept = [...beginning.kept];
		for (const member of this.members) {
			const { state, snapshots } = beginning.members[member.index] ?? member;
			member.state = state;
			for (const [digest, snapshot] of snapshots) member.snapshots.set(digest, snapshot);
			this.#start(member.index);
		}
		for (let index = 1; index < MEMBER_COUNT; index += 1) this.#listen(index, 0);
		await this.#settle();
	}

	/** The first publish, and the first apply of everybody: the same in all runs, and so done once. */
	async #make(): Promise<Beginning> {
		const first = new SimulatedFleet({ disk: this.disk, seed: 0, seen: {} });
		first.#start(0);
		await first.#settle();
		for (let index = 1; index < MEMBER_COUNT; index += 1) first.#start(index);
		await first.#settle();
		return { kept: first.#store.kept, members: first.members };
	}

	/** Has one thing happen. */
	async take(step: Step): Promise<void> {
		switch (step.do) {
			case 'edit':
				this.#edit(step);
				return;
			case 'fail':
				for (const member of this.members)
					if (step.who === 'all' || step.who === member.index) this.#fail(member, step.how);
				return;
			case 'kill':
				this.#member(step.who).process?.dieAfter(step.calls);
				return;
			case 'start':
				if (this.#member(step.who).process?.isAlive !== true) this.#start(step.who);
				return;
			case 'lead':
				this.#member(step.who).mode = 'BACKUP';
				this.#lastLeader = step.who;
				this.#start(step.who);
				return;
			case 'follow':
				this.#member(step.who).mode = 'RESTORE';
				this.#start(step.who);
				return;
			case 'disconnect':
				this.#member(step.who).process?.disconnect();
				return;
			case 'listen':
				this.#listen(step.who, step.to);
				return;
			case 'set clock':
				this.#member(step.who).clockErrorMs += step.byMs;
				return;
			case 'pass':
				this.#ms += step.ms;
				return;
			case 'go on':
				for (let turn = 0; turn < step.turns; turn += 1) if (!(await this.#goOn())) return;
				return;
		}
	}

	/**
	 * All failures end, the person has one leader and tells every other one to follow it, and time passes. A leader that
	 * stands down is told to take over what the fleet has.
	 * @returns what does not hold then, in words; nothing when all is well.
	 */
	async quiet(): Promise<string[]> {
		for (const member of this.members) this.#fail(member, 'none');
		await this.#settle();
		const leader = this.#member(this.#lastLeader);
		const ledBefore = leader.process?.isAlive === true && leader.mode === 'BACKUP';
		for (const member of this.members) {
			const mode = member === leader ? 'BACKUP' : 'RESTORE';
			if (member.process?.isAlive === true && member.mode === mode) {
				member.process.dieAfter(Number.POSITIVE_INFINITY);
				continue;
			}
			member.mode = mode;
			this.#start(member.index);
		}
		// Some cannot reach the new leader at all, and have to find out by the repository alone.
		const connected = this.members.filter((member) => member !== leader && this.#random() < 0.7);
		for (const member of this.members) {
			if (connected.includes(member)) this.#listen(member.index, leader.index);
			else member.process?.disconnect();
		}
		const wanted = contentOf(leader.rows);
		const isRuling = ledBefore && leader.process?.stoodDown === false;
		// A leader on which nothing is edited looks into the repository once an hour; the person does not wait for it.
		leader.process?.backup();
		await this.#pass(SOON_MS);
		const late =
			leader.process?.stoodDown === true || this.areReplicasTrusting
				? []
				: connected.filter(({ state }) => state.position?.id === null).map(({ index }) => index);
		await this.#pass(QUIET_MS);
		let hasRestored = false;
		if (leader.process?.stoodDown === true) {
			this.#note('a leader that stood down is told to restore');
			hasRestored = true;
			leader.process.restore();
			await this.#settle();
			await this.#pass(QUIET_MS);
		}
		if (late.length > 0) return [`members ${late.join(', ')} hear their leader, and are ahead for too long`];
		return this.#judge({ leader, wanted: isRuling && !hasRestored ? wanted : null });
	}

	#judge({ leader, wanted }: { leader: SimulatedMember; wanted: string | null }): string[] {
		const problems: string[] = [];
		const lineage = this.#store.kept.map(({ snapshot }) => snapshot);
		const { head } = findHead(lineage);
		const held = contentOf(leader.rows);
		if (wanted !== null && held !== wanted)
			problems.push(`the ruling leader's edits are lost: ${wanted} became ${held}`);
		for (const member of this.members) {
			const { position, announced } = member.state;
			if (contentOf(member.rows) !== held)
				problems.push(
					`member ${member.index} differs from the leader: ${contentOf(member.rows)}, not ${held}`,
				);
			if (position === null || position.id === null)
				problems.push(`member ${member.index} is ahead: ${JSON.stringify(position)}`);
			else if (position.id !== head?.id) problems.push(`member ${member.index} does not hold the head`);
			if (announced !== null) problems.push(`member ${member.index} owes a publish`);
		}
		const leaders = new Set(lineage.map(({ instanceId }) => instanceId));
		for (const { index, hasStoodDown, state } of this.members)
			if (hasStoodDown && leaders.size === 1 && leaders.has(state.instanceId))
				problems.push(`member ${index} stood down, and nobody else has ever published`);
		const ancestors = new Set<string>();
		for (let next = head; next !== null && next !== undefined; ) {
			ancestors.add(next.id);
			const { parentId }: { parentId: string | null } = next;
			next = lineage.find(({ id }) => id === parentId) ?? null;
		}
		for (const id of this.acknowledged)
			if (!ancestors.has(id)) problems.push(`what was published is lost: ${id.slice(0, 8)}`);
		return problems;
	}

	/** Where a process waits until it may go on. */
	turn(process: SimulatedProcess): Promise<void> {
		return new Promise((take) => this.#turns.push({ process, take }));
	}

	/** The repository as one process sees it. */
	repositoryOf(process: SimulatedProcess): Repository {
		const { member } = process;
		const failed = (call: RepositoryCall) =>
			new ReplicatorError(`The repository fails: ${call}.`, {
				code: 'repository-unreachable',
				isRetryable: true,
			});
		const hang = async (call: RepositoryCall) => {
			await new Promise<void>((take) => this.#hanging.push({ process, member, take }));
			throw failed(call);
		};
		return memoryRepository({
			store: this.#store,
			// Two publishes are never of the same moment, and none claims an earlier one.
			now: () => EPOCH + ++this.#published,
			folders: {
				read: async (directory) => this.disk.list(directory),
				write: async (directory, files) => {
					for (const [path, content] of files)
						await this.disk.files.writeFile(`${directory}/${path}`, content);
				},
			},
			before: async (call) => {
				await this.turn(process);
				await process.step();
				if (member.failure === 'before') throw failed(call);
				if (member.failure === 'hang-before') await hang(call);
			},
			after: async (call) => {
				await process.step();
				if (member.failure === 'after') throw failed(call);
				if (member.failure === 'hang-after') await hang(call);
			},
		});
	}

	/** Counts something that is worth having been reached. */
	note(what: string): void {
		this.#note(what);
	}

	#note(what: string): void {
		this.seen[what] = (this.seen[what] ?? 0) + 1;
	}

	#member(index: number): SimulatedMember {
		const member = this.members[index];
		if (member === undefined) throw new Error(`there is no member ${index}`);
		return member;
	}

	#start(index: number): void {
		const member = this.#member(index);
		member.process?.die();
		member.process = new SimulatedProcess(this, member);
	}

	#listen(index: number, to: number): void {
		const leader = this.#member(to).process;
		if (index !== to) this.#member(index).process?.listenTo(leader);
	}

	#edit({ leader, monitor, to }: Extract<Step, { do: 'edit' }>): void {
		const leaders = this.members.filter(({ mode }) => mode === 'BACKUP');
		const member = leaders[leader % Math.max(1, leaders.length)];
		const monitors = member?.rows.tables.get('monitor');
		if (member === undefined || monitors === undefined) return;
		const key = String((monitor % MONITORS) + 1);
		const row = monitors.get(key);
		if (to === 'toggle') {
			if (row === undefined) monitors.set(key, firstMonitor(Number(key)));
			else monitors.delete(key);
		} else if (row !== undefined) monitors.set(key, { ...row, ...to });
		member.process?.noteEdit();
	}

	#fail(member: SimulatedMember, how: Failure): void {
		member.failure = how;
		const ended = this.#hanging.filter((hanging) => hanging.member === member);
		this.#hanging = this.#hanging.filter((hanging) => hanging.member !== member);
		for (const { process, take } of ended) if (process.isAlive) take();
	}

	/** Has one call or one event go on. @returns whether there was one. */
	async #goOn(): Promise<boolean> {
		await flush();
		for (const { process } of this.members) process?.startDueCycle();
		await flush();
		this.#turns = this.#turns.filter(({ process }) => process.isAlive);
		const connections = this.members.flatMap(({ process }) =>
			process?.isAlive === true && process.hasNews ? [process] : [],
		);
		const count = this.#turns.length + connections.length;
		if (count === 0) return false;
		const chosen = Math.floor(this.#random() * count);
		this.#ms += TURN_MS;
		const [turn] = chosen < this.#turns.length ? this.#turns.splice(chosen, 1) : [];
		if (turn !== undefined) turn.take();
		else connections[chosen - this.#turns.length]?.hearNews();
		await flush();
		return true;
	}

	async #settle(): Promise<void> {
		for (let turn = 0; turn < TURNS_MAX; turn += 1) if (!(await this.#goOn())) return;
		throw new Error('the fleet never comes to rest');
	}

	/** Lets time pass, from one due cycle to the next. */
	async #pass(ms: number): Promise<void> {
		const end = this.#ms + ms;
		await this.#settle();
		while (this.#ms < end) {
			const due = this.members.map(({ process }) => process?.dueAt ?? Number.POSITIVE_INFINITY);
			this.#ms = Math.max(this.#ms, Math.min(end, ...due));
			await this.#settle();
		}
	}
}

/** Until everything that can go on by itself has come to a stop. */
function flush(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
