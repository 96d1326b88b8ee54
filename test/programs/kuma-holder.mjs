// Starts a Kuma as `replicator-kuma run` does and waits to be killed. Arguments: the record's path, Kuma's folder,
// Kuma's command. Writes one line of JSON when that Kuma is ready.
import { writeDurably } from '../../src/files/durable-file.ts';
import { KumaProcess } from '../../src/kuma/kuma-process.ts';

const [recordPath, cwd, ...command] = process.argv.slice(2);
const kuma = new KumaProcess({ command, cwd, env: process.env, recordPath, writeDurably, output: 2 });
const { pid, endedPid } = await kuma.start();
await kuma.waitUntilReady({ timeoutMs: 60_000 });
process.stdout.write(`${JSON.stringify({ pid, endedPid })}\n`);
setInterval(() => {}, 60_000);
