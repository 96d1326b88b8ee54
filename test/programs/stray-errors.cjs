// Loaded with --require: throws and rejects where nobody catches it, again and again, from the moment on that the file
// STRAY_ERRORS is there, so many times as stands in it.
const { readFileSync, rmSync } = require('node:fs');

const path = process.env.STRAY_ERRORS;

setInterval(() => {
	let count;
	try {
		count = Number(readFileSync(path, 'utf8'));
		rmSync(path);
	} catch {
		return;
	}
	for (let index = 0; index < count; index += 1) {
		if (index % 2 === 0)
			void Promise.reject(Object.assign(new Error('too many open files'), { code: 'EMFILE' }));
		else setImmediate(() => JSON.parse('{'));
	}
}, 50).unref();
