import { setFlagsFromString } from 'node:v8';
import { staySmall } from './stay-small.ts';

/**
 * For a process that waits for months and works for a second now and then. V8's last optimiser pays off in long loops
 * over the same code: without it a cycle with 10,000 monitors takes twice as long, one with 100 does not take longer. It
 * costs 14 MB for good, its own code and what it makes. V8 reads this flag each time that a function has become hot, so
 * it may be set late.
 */
export function stayIdle(): void {
	staySmall();
	setFlagsFromString('--no-opt');
}
