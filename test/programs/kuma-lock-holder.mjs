// Locks the data directory given as argument, says so in one line, and waits to be killed.
import { prepareStateDirectory } from '../../src/instance/state-folder/data-directory.ts';
import { lockDataDirectory } from '../../src/instance/state-folder/data-directory-lock.ts';

const paths = await prepareStateDirectory(process.argv[2]);
await lockDataDirectory(paths);
process.stdout.write('locked\n');
setInterval(() => {}, 60_000);
