import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM || '/usr/bin/chromium';

/** Starts a real Chromium without a window, which asks nobody but the pages that a test opens. */
export async function openBrowser(): Promise<Browser> {
	if (!existsSync(CHROMIUM))
		throw new Error(`${CHROMIUM} is not there: \`apt-get install chromium\`, or name one in CHROMIUM`);
	return chromium.launch({
		executablePath: CHROMIUM,
		args: [
			'--no-sandbox',
			'--disable-gpu',
			'--disable-quic',
			'--no-first-run',
			'--no-proxy-server',
			'--disable-background-networking',
			'--disable-component-update',
			'--disable-sync',
		],
	});
}
