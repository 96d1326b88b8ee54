// Runs one cycle of a leader, configured by the environment, forgets old snapshots after it, and writes what it came to
// as one line of JSON. With a point as argument it writes `reached` there instead and waits to be killed:
//   before-intent, after-intent     the intent to publish is not saved yet, or just was
//   after-backup                    restic has kept the snapshot, and nobody here knows yet
//   before-position, after-position the new place in the lineage is not saved yet, or just was
import { requireConfig } from '../../src/config/load-config.ts';
import { openRepository } from '../../src/daemon/open-repository.ts';
import { openRole } from '../../src/daemon/open-role.ts';
import { joinFleet, openInstance } from '../../src/instance/open-instance.ts';
import { prepareStateDirectory } from '../../src/instance/state-folder/data-directory.ts';
import { NO_RELOAD } from '../../src/reload/no-reload.ts';
import { delegateRepository } from '../kit/delegate-repository.ts';

const [point] = process.argv.slice(2);
const pass = async (name) => {
	if (name !== point) return;
	process.stdout.write('reached\n');
	await new Promise(() => setInterval(() => {}, 60_000));
};

const warnings = [];
const log = { debug() {}, info() {}, warning: (message) => warnings.push(message), error() {} };
const { config } = requireConfig(process.env, { needsRepository: true });
const paths = await prepareStateDirectory(config.dataDirectory);
const kuma = { version: null, monitorTypes: null, migrations: null };
const alone = await openInstance({ config, paths, log, kuma });
const { state } = alone;
const delegated = delegateRepository(openRepository({ config, paths, log }));
const repository = {
	...delegated,
	publish: async (publication) => {
		const published = await delegated.publish(publication);
		await pass('after-backup');
		return published;
	},
};
const instance = joinFleet(
	{
		...alone,
		state: {
			read: () => state.read(),
			async save(change) {
				const what = 'position' in change ? 'position' : 'intent' in change ? 'intent' : 'other';
				await pass(`before-${what}`);
				await state.save(change);
				await pass(`after-${what}`);
			},
		},
	},
	{ repository, reload: NO_RELOAD },
);
const leader = openRole({ instance, config });
const { outcome } = await leader.cycle();
await leader.tidy();
process.stdout.write(`${JSON.stringify({ outcome, warnings })}\n`);
