import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';

/** A file system of its own, which can be filled up and made read-only; gone when the running test ends. */
export interface SmallDisk {
	readonly path: string;
	/** @param how as mount(8) takes it: `ro`, `rw`. */
	remount(how: 'ro' | 'rw'): Promise<void>;
}

/** @throws Error that says what is missing where this user may not mount anything. */
export async function mountSmallDisk(sizeKib: number): Promise<SmallDisk> {
	const path = await temporaryDirectory('disk');
	const { exitCode, stderr } = await execa(
		'mount',
		['-t', 'tmpfs', '-o', `size=${sizeKib}k`, 'tmpfs', path],
		{ reject: false },
	);
	if (exitCode !== 0) {
		throw new Error(
			`This test needs a disk of its own and could not mount one (${stderr.trim()}): run it as root, or in a container with CAP_SYS_ADMIN.`,
		);
	}
	onTestFinished(async () => {
		await execa('umount', ['--lazy', path]);
	});
	return {
		path,
		remount: async (how) => {
			await execa('mount', ['-o', `remount,${how}`, path]);
		},
	};
}
