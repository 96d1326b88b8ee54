// Loaded with NODE_OPTIONS=--require: calls of the file system on some paths fail, as on a broken or full disk.
//   FAILING_FILES={"paths":["/data/replicator-kuma/state.json"],"errno":"EIO","calls":"read|write|any","until":"/path"}
// A path stands for everything below it, too. As long as the file `until` is there, or always without one, calls fail.
const fs = require('node:fs');
const os = require('node:os');
const { syncBuiltinESMExports } = require('node:module');
const { basename, dirname, join, resolve, sep } = require('node:path');

const { paths, errno, calls = 'any', until } = JSON.parse(process.env.FAILING_FILES ?? '{"paths":[]}');
/** What is written durably is written beside its place first. */
const TEMPORARY = /^\.(.+)\.[0-9a-f]{12}\.tmp$/;
const CALLS = {
	read: ['readFile', 'readdir', 'opendir', 'stat', 'lstat', 'access', 'statfs'],
	write: [
		'writeFile',
		'appendFile',
		'mkdir',
		'mkdtemp',
		'rm',
		'rmdir',
		'unlink',
		'rename',
		'chmod',
		'utimes',
	],
};
const names = [...(calls === 'write' ? [] : CALLS.read), ...(calls === 'read' ? [] : CALLS.write)];
const original = { existsSync: fs.existsSync };

function isMeant(path) {
	if (typeof path !== 'string') return false;
	const [, name] = TEMPORARY.exec(basename(path)) ?? [];
	const meant = resolve(name === undefined ? path : join(dirname(path), name));
	if (!paths.some((failing) => meant === failing || meant.startsWith(`${failing}${sep}`))) return false;
	return until === undefined || original.existsSync(until);
}

function failure(syscall, path) {
	const number = os.constants.errno[errno];
	const error = new Error(`${errno}: made to fail, ${syscall} '${path}'`);
	return Object.assign(error, { errno: -number, code: errno, syscall, path });
}

function failSync(holder, name, syscall) {
	const call = holder[name];
	if (call === undefined) return;
	holder[name] = function (path, ...rest) {
		if (isMeant(path)) throw failure(syscall, path);
		return call.call(this, path, ...rest);
	};
}

function failLater(name, syscall) {
	const call = fs.promises[name];
	if (call === undefined) return;
	fs.promises[name] = async function (path, ...rest) {
		if (isMeant(path)) throw failure(syscall, path);
		return call.call(this, path, ...rest);
	};
}

for (const name of names) {
	failSync(fs, `${name}Sync`, name);
	failLater(name, name);
}
const forWriting = (flags) => typeof flags === 'string' && /[wax+]/.test(flags);
const isOpenMeant = (flags) => calls === 'any' || (calls === 'write') === forWriting(flags);
for (const [holder, name] of [
	[fs, 'openSync'],
	[fs.promises, 'open'],
]) {
	const open = holder[name];
	holder[name] = function (path, flags, ...rest) {
		if (isMeant(path) && isOpenMeant(flags)) {
			const error = failure('open', path);
			if (holder === fs) throw error;
			return Promise.reject(error);
		}
		return open.call(this, path, flags, ...rest);
	};
}
syncBuiltinESMExports();
