import { waitFor } from '../kit/wait-for.ts';
import { asAdmin } from './as-admin.ts';

const ARRIVAL_MS = 120_000;

/** Waits until whoever logs in on an instance sees these monitors and no others. */
export async function waitForMonitors(
	instance: { readonly url: string; log(): Promise<string> },
	names: readonly string[],
): Promise<void> {
	await asAdmin(instance.url, async (client) => {
		let seen: unknown[] = [];
		const isThere = async () => {
			seen = [...(await client.monitorList()).values()].map(({ name }) => name).sort();
			return JSON.stringify(seen) === JSON.stringify([...names].sort());
		};
		await waitFor(isThere, { timeoutMs: ARRIVAL_MS, what: `${names} on ${instance.url}` }).catch(
			async (cause) => {
				throw new Error(`There are ${seen}; it said:\n${await instance.log()}`, { cause });
			},
		);
	});
}
