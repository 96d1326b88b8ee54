// Stands in for Uptime Kuma's server: listens on UPTIME_KUMA_PORT and ends on SIGTERM, unless told otherwise.
//   --listen-after-ms=N   opens its port late
//   --ignore-sigterm      has to be killed
//   --crash-after-ms=N    ends by itself with exit code 3
//   --crash-times=N       ends at once with exit code 3 the first N times; counts in the file --count-file=PATH
import { appendFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';

const CRASHED = 3;
const { values } = parseArgs({
	options: {
		'listen-after-ms': { type: 'string', default: '0' },
		'ignore-sigterm': { type: 'boolean', default: false },
		'crash-after-ms': { type: 'string' },
		'crash-times': { type: 'string', default: '0' },
		'count-file': { type: 'string' },
	},
});

if (values['count-file'] !== undefined) {
	appendFileSync(values['count-file'], '.');
	if (statSync(values['count-file']).size <= Number(values['crash-times'])) process.exit(CRASHED);
}
const crashAfterMs = values['crash-after-ms'];
if (crashAfterMs !== undefined) setTimeout(() => process.exit(CRASHED), Number(crashAfterMs));
process.on('SIGTERM', () => {
	if (!values['ignore-sigterm']) process.exit(0);
});

const server = createServer((socket) => socket.destroy());
setTimeout(
	() => server.listen(Number(process.env.UPTIME_KUMA_PORT), '127.0.0.1'),
	Number(values['listen-after-ms']),
);
