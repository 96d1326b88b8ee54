import type { CatalogTable } from '../model/catalog-table.ts';
import { apiKey } from './api-key.ts';
import { dockerHost } from './docker-host.ts';
import { group } from './group.ts';
import { incident } from './incident.ts';
import { maintenance } from './maintenance.ts';
import { maintenanceStatusPage } from './maintenance-status-page.ts';
import { monitor } from './monitor.ts';
import { monitorGroup } from './monitor-group.ts';
import { monitorMaintenance } from './monitor-maintenance.ts';
import { monitorNotification } from './monitor-notification.ts';
import { monitorTag } from './monitor-tag.ts';
import { notification } from './notification.ts';
import { proxy } from './proxy.ts';
import { remoteBrowser } from './remote-browser.ts';
import { statusPage } from './status-page.ts';
import { statusPageCname } from './status-page-cname.ts';
import { tag } from './tag.ts';
import { user } from './user.ts';

/**
 * What is replicated: every table after those that its rows refer to. The names are the original's public contract,
 * and two that it lacks, `status_page_cname` and `docker_host`.
 */
export const CATALOG: readonly CatalogTable[] = [
	group,
	user,
	tag,
	notification,
	statusPage,
	statusPageCname,
	proxy,
	remoteBrowser,
	dockerHost,
	incident,
	apiKey,
	maintenance,
	monitor,
	monitorNotification,
	monitorGroup,
	monitorTag,
	monitorMaintenance,
	maintenanceStatusPage,
];
