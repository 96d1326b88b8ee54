// Writes a heartbeat every 20 ms into the SQLite database that it is given, as Kuma does, until its standard input
// ends; then it says how many it wrote and the longest that one had to wait, in milliseconds.
import { DatabaseSync } from 'node:sqlite';

const connection = new DatabaseSync(process.argv[2]);
connection.exec('PRAGMA busy_timeout = 5000');
const insert = connection.prepare(
	"INSERT INTO heartbeat (monitor_id, status, msg, time, duration) VALUES (1, 1, 'beat', '2026-11-24 00:00:00', 0)",
);
let count = 0;
let longestMs = 0;

function beat() {
	const startedAt = performance.now();
	insert.run();
	longestMs = Math.max(longestMs, performance.now() - startedAt);
	count += 1;
}

beat();
process.stdout.write('beating\n');
const timer = setInterval(beat, 20);
process.stdin.resume().on('end', () => {
	clearInterval(timer);
	connection.close();
	process.stdout.write(`${JSON.stringify({ count, longestMs })}\n`);
});
