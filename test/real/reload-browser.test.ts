import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from '../kit/open-browser.ts';
import { PASSWORD, startWatchedFleet, type WatchedFleet } from '../kit/watched-fleet.ts';

const SHOWN_MS = 30_000;

let watched: WatchedFleet;
let browser: Browser;

beforeAll(async () => {
	[watched, browser] = await Promise.all([startWatchedFleet(), openBrowser()]);
});
afterAll(async () => {
	await browser?.close();
	await watched?.discard();
});

/** A tab in which somebody has logged in on a replica, marked so that a reload of the page would show. */
async function openDashboard(url: string): Promise<Page> {
	const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
	await page.goto(`${url}/dashboard`);
	await page.locator('#floatingInput').fill('admin');
	await page.locator('#floatingPassword').fill(PASSWORD);
	await page.locator('button[type="submit"]').click();
	await page.locator('.monitor-list').waitFor({ timeout: SHOWN_MS });
	await page.evaluate("document.documentElement.dataset.tab = 'the same'");
	return page;
}

/** The entries of the list of monitors, whose names end so: an uptime in per cent stands in front of them. */
function listed(page: Page, name: string) {
	return page.locator('.monitor-list .item', { hasText: new RegExp(`(^|[\\s%])${name}\\s*$`) });
}

test('a page that is open on a replica shows what the leader adds, changes and deletes, without being loaded anew', async () => {
	const pages = await Promise.all(watched.replicas.map(({ replicator }) => openDashboard(replicator.url)));
	let id = 0;

	await watched.change(async (leader) => {
		id = await leader.addMonitor({ name: 'Shop', url: 'http://127.0.0.1:9/', interval: 60 });
	});
	for (const page of pages) await listed(page, 'Shop').waitFor({ timeout: SHOWN_MS });

	await watched.change((leader) => leader.editMonitor(id, { name: 'Library' }));
	for (const page of pages) {
		await listed(page, 'Library').waitFor({ timeout: SHOWN_MS });
		expect(await listed(page, 'Shop').count()).toBe(0);
	}

	await watched.change((leader) => leader.deleteMonitor(id));
	for (const page of pages) {
		await listed(page, 'Library').waitFor({ state: 'detached', timeout: SHOWN_MS });
		expect(await page.evaluate('document.documentElement.dataset.tab')).toBe('the same');
	}
});
