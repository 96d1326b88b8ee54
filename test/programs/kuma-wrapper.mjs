// Starts kuma-fake.mjs with its own arguments, as `sh -c` would: the listener is a grandchild, and a signal sent to
// the wrapper is not passed on.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

spawn(process.execPath, [join(import.meta.dirname, 'kuma-fake.mjs'), ...process.argv.slice(2)], {
	stdio: 'inherit',
});
