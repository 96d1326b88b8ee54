import { setFlagsFromString } from 'node:v8';
import { staySmall } from './stay-small.ts';

/**
 * For a process that waits for months and works for a second now and then. V8's last optimiser pays off in long loops
 * over the same code, which nothing here has, and costs 14 MB for good: its own code, and what it makes. The compilers
 * before it stay on. V8 reads this flag each time that a function has become hot, so it may be set late.
 */
export function stayIdle(): void {
	staySmall();
	setFlagsFromString('--no-opt');
}
