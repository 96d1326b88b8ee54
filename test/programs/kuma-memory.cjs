/**
 * A second preload beside the agent: gives what a running Kuma has in its memory, and lets parts of it fail. JSON lines
 * over the Unix socket KUMA_MEMORY; each request is answered by one line.
 */
const { createServer } = require('node:net');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { realpathSync, rmSync } = require('node:fs');

const script = process.argv[1] ?? '';
const socketPath = process.env.KUMA_MEMORY;
if (socketPath !== undefined && /[\\/]server[\\/]server\.js$/.test(script)) serve(realpathSync(script));

function serve(serverFile) {
	const root = dirname(dirname(serverFile));
	const kumaRequire = createRequire(serverFile);
	const loaded = (path) => kumaRequire.cache[join(root, 'server', path)]?.exports;
	const beans = () => kumaRequire('redbean-node').R;
	/** By name, how often each fails from now on. */
	const failures = { find: 0, load: 0, start: 0, beat: 0 };
	let failingTable = null;
	let isArmed = false;

	const fails = (name) => {
		if (failures[name] <= 0) return false;
		failures[name] -= 1;
		return true;
	};
	const locked = () => new Error('SQLITE_BUSY: database is locked');

	/** Puts itself before what the agent and Kuma call. */
	function arm() {
		if (isArmed) return;
		isArmed = true;
		const R = beans();
		const { find, getAssoc, store } = R;
		R.find = function (table, ...rest) {
			if (table === failingTable && fails('find')) return Promise.reject(locked());
			return find.call(this, table, ...rest);
		};
		R.getAssoc = function (...query) {
			return fails('load') ? Promise.reject(locked()) : getAssoc.apply(this, query);
		};
		R.store = function (bean, ...rest) {
			if (bean.beanMeta?.type === 'heartbeat' && fails('beat'))
				return Promise.reject(new RangeError('Invalid time zone specified: Etc/Unknown'));
			return store.call(this, bean, ...rest);
		};
		const { prototype } = loaded('model/monitor.js');
		const { start } = prototype;
		prototype.start = function (...values) {
			return fails('start') ? Promise.reject(locked()) : start.apply(this, values);
		};
	}

	/** What a running bean has beside its columns, such as its timer, is left out. */
	const rowOf = (bean) =>
		Object.fromEntries(
			Object.entries(bean.export(false)).filter(([, value]) => value === null || typeof value !== 'object'),
		);

	async function read() {
		const server = loaded('uptime-kuma-server.js').UptimeKumaServer.getInstance();
		const maintenances = {};
		for (const [id, bean] of Object.entries(server.maintenanceList)) {
			maintenances[id] = {
				row: rowOf(bean),
				timezone: await bean.getTimezone(),
				isScheduled: bean.beanMeta.job !== undefined,
			};
		}
		return {
			monitors: Object.fromEntries(
				Object.entries(server.monitorList).map(([id, bean]) => [
					id,
					{ row: rowOf(bean), isStopped: bean.isStop === true },
				]),
			),
			maintenances,
			domains: { ...loaded('model/status_page.js').domainMappingList },
			settings: Object.fromEntries(
				Object.entries(loaded('settings.js').Settings.cacheList).map(([name, { value }]) => [name, value]),
			),
			statistics: Object.keys(
				loaded('uptime-calculator.js')?.UptimeCalculator?.list ??
					loaded('uptime-cache-list.js')?.UptimeCacheList?.list ??
					{},
			).map(Number),
			entryPage: server.entryPage ?? null,
		};
	}

	async function answer(line) {
		const { method, ...request } = JSON.parse(line);
		if (method === 'read') return read();
		arm();
		failures[request.what] = request.times;
		failingTable = request.table ?? failingTable;
		return null;
	}

	rmSync(socketPath, { force: true });
	const listener = createServer((socket) => {
		let text = '';
		socket.on('error', () => {});
		socket.unref();
		socket.on('data', (data) => {
			text += data;
			const lines = text.split('\n');
			text = lines.pop();
			for (const line of lines) {
				void answer(line)
					.then((result) => JSON.stringify({ result }))
					.catch((error) => JSON.stringify({ error: String(error) }))
					.then((text) => socket.write(`${text}\n`));
			}
		});
	});
	listener.listen(socketPath);
	listener.unref();
}
