/** @throws Error when the work does not end in time; it goes on, and nobody waits for it any longer. */
export async function within<Result>(limitMs: number, work: () => Promise<Result>): Promise<Result> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_resolve, reject) => {
		timer = setTimeout(() => reject(new Error(`no end after ${limitMs / 1000} s`)), limitMs);
	});
	try {
		return await Promise.race([work(), late]);
	} finally {
		clearTimeout(timer);
	}
}
