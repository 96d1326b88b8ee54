/** Prints what Kuma's own code takes for its time zone, for each TZ and setting of a list, as JSON. */
const { createRequire } = require('node:module');
const { join } = require('node:path');

const [root, json] = process.argv.slice(2);
const kumaRequire = createRequire(join(root, 'server', 'server.js'));
const dayjs = kumaRequire('dayjs');
dayjs.extend(kumaRequire('dayjs/plugin/utc'));
dayjs.extend(kumaRequire('./modules/dayjs/plugin/timezone'));
const { Settings } = kumaRequire('./settings.js');
const { UptimeKumaServer } = kumaRequire('./uptime-kuma-server.js');

async function main() {
	const zones = [];
	for (const { tz, setting } of JSON.parse(json)) {
		if (tz === null) delete process.env.TZ;
		else process.env.TZ = tz;
		Settings.get = async () => setting;
		zones.push(await UptimeKumaServer.prototype.getTimezone.call(UptimeKumaServer.prototype));
	}
	process.stdout.write(`\n${JSON.stringify(zones)}\n`, () => process.exit(0));
}

main().catch((error) => {
	process.stderr.write(String(error));
	process.exit(1);
});
