// Writes a heartbeat every 20 ms into the SQLite database that it is given, with Kuma's shortest patience: SQLite gives
// a write up that got no lock for 500 ms. For every line on standard input it says how many writes it made and how many
// were given up since the line before.
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';

const SQLITE_BUSY = 5;

const connection = new DatabaseSync(process.argv[2]);
connection.exec('PRAGMA busy_timeout = 500');
const insert = connection.prepare(
	"INSERT INTO heartbeat (monitor_id, status, msg, time, duration) VALUES (1, 1, 'beat', '2026-11-24 00:00:00', 0)",
);
let report = { written: 0, givenUp: 0 };

setInterval(() => {
	try {
		insert.run();
		report.written += 1;
	} catch (error) {
		if ((error.errcode & 0xff) !== SQLITE_BUSY) throw error;
		report.givenUp += 1;
	}
}, 20);

createInterface(process.stdin)
	.on('line', () => {
		process.stdout.write(`${JSON.stringify(report)}\n`);
		report = { written: 0, givenUp: 0 };
	})
	.on('close', () => process.exit());
