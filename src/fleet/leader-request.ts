import { ReplicatorError } from '../model/replicator-error.ts';
import { type Answer, sendRequest } from '../wire/send-request.ts';

/** Where the leader answers, and what it wants to hear. */
export interface LeaderAddress {
	/** REPLICATOR_LEADER_URL: without a slash at its end. */
	readonly url: string;
	readonly token: string | null;
}

/**
 * Asks the leader for something. Redirects are not followed: the token is for the leader alone.
 * @throws ReplicatorError `leader-unreachable` for no answer and for any that is not 200, `snapshot-not-found` for 404.
 */
export async function requestLeader(
	{ url, token }: LeaderAddress,
	request: { readonly path: string; readonly accept: string; readonly signal: AbortSignal },
): Promise<Answer> {
	const { path, accept, signal } = request;
	let answer: Answer;
	try {
		answer = await sendRequest(new URL(`${url}${path}`), {
			headers: {
				accept,
				// What is small enough to send is small enough to send as it is, and cannot be a bomb.
				'accept-encoding': 'identity',
				...(token === null ? {} : { authorization: `Bearer ${token}` }),
			},
			signal,
		});
	} catch (cause) {
		throw unreachable(reasonOf(cause), cause);
	}
	if (answer.status === 200) return answer;
	answer.body.destroy();
	throw refused(answer.status);
}

/** @returns the failure that an answer which broke off stands for. */
export function unreachable(reason: string, cause?: unknown): ReplicatorError {
	return new ReplicatorError(`The leader cannot be reached: ${reason}.`, {
		code: 'leader-unreachable',
		hint: 'Check REPLICATOR_LEADER_URL here and REPLICATOR_LISTEN on the leader. Snapshots come from the repository meanwhile.',
		isRetryable: true,
		cause,
	});
}

/** @returns why a request or an answer failed, in a word; never an address, in which somebody may have put a secret. */
export function reasonOf(error: unknown): string {
	for (let current = error; current instanceof Error; current = current.cause) {
		if (current.name === 'TimeoutError') return 'no answer in time';
		if ('code' in current && typeof current.code === 'string') return current.code;
		if (!(current.cause instanceof Error)) return current.message;
	}
	return String(error);
}

function refused(status: number): ReplicatorError {
	if (status === 401) {
		return new ReplicatorError('The leader refuses the token.', {
			code: 'leader-unreachable',
			hint: 'REPLICATOR_TOKEN must be the same here and on the leader.',
		});
	}
	if (status === 404) {
		return new ReplicatorError('The leader does not have that.', {
			code: 'snapshot-not-found',
			hint: 'REPLICATOR_LEADER_URL must name the instance in mode BACKUP; the repository has every snapshot.',
			isRetryable: true,
		});
	}
	return unreachable(`it answers with ${status}`);
}
