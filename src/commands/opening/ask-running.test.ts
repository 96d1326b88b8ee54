import { expect, test } from 'vitest';
import { stateDirectory } from '../../../test/kit/monitored-kuma.ts';
import { lockDataDirectory } from '../../instance/state-folder/data-directory-lock.ts';
import { askStatus } from './ask-running.ts';

test('while a single command has the data directory, that is not taken for a run without a control socket', async () => {
	const place = await stateDirectory();
	const lock = await lockDataDirectory(place.paths);

	const status = askStatus(place);

	await expect(status).rejects.toMatchObject({
		code: 'file-access',
		message: expect.stringContaining(`process ${process.pid}`),
		hint: expect.stringMatching(/^If it is a single command, such as an import, it ends soon\./),
	});
	await lock.release();
});
