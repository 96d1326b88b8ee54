-- A small Kuma of release 2.3.2 on SQLite: its tables, and what somebody could have set up in it. Everything in it is
-- invented. It stands in for the database of a real Kuma where the folder with those is not there.
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE api_key (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	"key" VARCHAR(255) NOT NULL,
	name VARCHAR(255) NOT NULL,
	user_id INTEGER NOT NULL,
	created_date DATETIME NOT NULL DEFAULT (DATETIME('now')),
	active BOOLEAN NOT NULL DEFAULT 1,
	expires DATETIME DEFAULT NULL,
	FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE docker_host (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	user_id INT NOT NULL,
	docker_daemon VARCHAR(255),
	docker_type VARCHAR(255),
	name VARCHAR(255)
);
CREATE TABLE domain_expiry (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	last_check datetime,
	domain varchar(255) NOT NULL,
	expiry datetime,
	last_expiry_notification_sent INTEGER DEFAULT null,
	UNIQUE (domain)
);
CREATE TABLE "group" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name VARCHAR(255) NOT NULL,
	created_date DATETIME NOT NULL DEFAULT (DATETIME('now')),
	public BOOLEAN NOT NULL DEFAULT 0,
	active BOOLEAN NOT NULL DEFAULT 1,
	weight BOOLEAN NOT NULL DEFAULT 1000,
	status_page_id INTEGER
);
CREATE TABLE heartbeat (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	important BOOLEAN NOT NULL DEFAULT 0,
	monitor_id INTEGER NOT NULL,
	status SMALLINT NOT NULL,
	msg TEXT,
	time DATETIME NOT NULL,
	ping bigint,
	duration INTEGER NOT NULL DEFAULT 0,
	down_count INTEGER NOT NULL DEFAULT 0,
	end_time datetime DEFAULT null,
	retries INTEGER NOT NULL DEFAULT '0',
	response TEXT DEFAULT null,
	FOREIGN KEY (monitor_id) REFERENCES monitor (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE incident (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	title VARCHAR(255) NOT NULL,
	content TEXT NOT NULL,
	style VARCHAR(30) NOT NULL DEFAULT 'warning',
	created_date DATETIME NOT NULL DEFAULT (DATETIME('now')),
	last_updated_date DATETIME,
	pin BOOLEAN NOT NULL DEFAULT 1,
	active BOOLEAN NOT NULL DEFAULT 1,
	status_page_id INTEGER
);
CREATE TABLE knex_migrations (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name varchar(255),
	batch INTEGER,
	migration_time datetime
);
CREATE TABLE knex_migrations_lock (
	"index" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	is_locked INTEGER
);
CREATE TABLE maintenance (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	title VARCHAR(150) NOT NULL,
	description TEXT NOT NULL,
	user_id INTEGER,
	active BOOLEAN NOT NULL DEFAULT 1,
	strategy VARCHAR(50) NOT NULL DEFAULT 'single',
	start_date DATETIME,
	end_date DATETIME,
	start_time TIME,
	end_time TIME,
	weekdays VARCHAR2(250) DEFAULT '[]',
	days_of_month TEXT DEFAULT '[]',
	interval_day INTEGER,
	cron TEXT,
	timezone VARCHAR(255),
	duration INTEGER,
	last_start_date datetime,
	FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE TABLE maintenance_status_page (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	status_page_id INTEGER NOT NULL,
	maintenance_id INTEGER NOT NULL,
	FOREIGN KEY (maintenance_id) REFERENCES maintenance (id) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (status_page_id) REFERENCES status_page (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE monitor (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name VARCHAR(150),
	active BOOLEAN NOT NULL DEFAULT 1,
	user_id INTEGER,
	"interval" INTEGER NOT NULL DEFAULT 20,
	url TEXT,
	type VARCHAR(20),
	weight INTEGER DEFAULT 2000,
	hostname VARCHAR(255),
	port INTEGER,
	created_date DATETIME NOT NULL DEFAULT (DATETIME('now')),
	keyword VARCHAR(255),
	maxretries INTEGER NOT NULL DEFAULT 0,
	ignore_tls BOOLEAN NOT NULL DEFAULT 0,
	upside_down BOOLEAN NOT NULL DEFAULT 0,
	maxredirects INTEGER NOT NULL DEFAULT 10,
	accepted_statuscodes_json TEXT NOT NULL DEFAULT '["200-299"]',
	dns_resolve_type VARCHAR(5),
	dns_resolve_server VARCHAR(255),
	dns_last_result TEXT,
	retry_interval INTEGER NOT NULL DEFAULT 0,
	push_token varchar(32),
	method TEXT NOT NULL DEFAULT 'GET',
	body TEXT DEFAULT null,
	headers TEXT DEFAULT null,
	basic_auth_user TEXT DEFAULT null,
	basic_auth_pass TEXT DEFAULT null,
	docker_host INTEGER,
	docker_container VARCHAR(255),
	proxy_id INTEGER,
	expiry_notification BOOLEAN DEFAULT 1,
	mqtt_topic TEXT,
	mqtt_success_message VARCHAR(255),
	mqtt_username VARCHAR(255),
	mqtt_password VARCHAR(255),
	database_connection_string VARCHAR(2000),
	database_query TEXT,
	auth_method VARCHAR(250),
	auth_domain TEXT,
	auth_workstation TEXT,
	grpc_url VARCHAR(255) DEFAULT null,
	grpc_protobuf TEXT DEFAULT null,
	grpc_body TEXT DEFAULT null,
	grpc_metadata TEXT DEFAULT null,
	grpc_method VARCHAR(255) DEFAULT null,
	grpc_service_name VARCHAR(255) DEFAULT null,
	grpc_enable_tls BOOLEAN NOT NULL DEFAULT 0,
	radius_username VARCHAR(255),
	radius_password VARCHAR(255),
	radius_calling_station_id VARCHAR(50),
	radius_called_station_id VARCHAR(50),
	radius_secret VARCHAR(255),
	resend_interval INTEGER NOT NULL DEFAULT 0,
	packet_size INTEGER NOT NULL DEFAULT 56,
	game VARCHAR(255),
	http_body_encoding VARCHAR(25),
	description TEXT DEFAULT null,
	tls_ca TEXT DEFAULT null,
	tls_cert TEXT DEFAULT null,
	tls_key TEXT DEFAULT null,
	parent INTEGER,
	invert_keyword BOOLEAN NOT NULL DEFAULT 0,
	json_path TEXT,
	expected_value VARCHAR(255),
	kafka_producer_topic VARCHAR(255),
	kafka_producer_brokers TEXT,
	kafka_producer_sasl_options TEXT,
	kafka_producer_message TEXT,
	oauth_client_id TEXT DEFAULT null,
	oauth_client_secret TEXT DEFAULT null,
	oauth_token_url TEXT DEFAULT null,
	oauth_scopes TEXT DEFAULT null,
	oauth_auth_method TEXT DEFAULT null,
	timeout DOUBLE NOT NULL DEFAULT 0,
	gamedig_given_port_only BOOLEAN NOT NULL DEFAULT 1,
	kafka_producer_ssl BOOLEAN NOT NULL DEFAULT 0,
	kafka_producer_allow_auto_topic_creation BOOLEAN NOT NULL DEFAULT 0,
	mqtt_check_type varchar(255) NOT NULL DEFAULT 'keyword',
	remote_browser INTEGER DEFAULT null,
	snmp_oid varchar(255) DEFAULT null,
	snmp_version TEXT DEFAULT '2c',
	json_path_operator varchar(255) DEFAULT null,
	cache_bust boolean NOT NULL DEFAULT '0',
	conditions TEXT NOT NULL DEFAULT '[]',
	rabbitmq_nodes TEXT,
	rabbitmq_username varchar(255),
	rabbitmq_password varchar(255),
	smtp_security varchar(255) DEFAULT null,
	ws_ignore_sec_websocket_accept_header boolean NOT NULL DEFAULT '0',
	ws_subprotocol varchar(255) NOT NULL DEFAULT '',
	ping_count INTEGER NOT NULL DEFAULT '1',
	ping_numeric boolean NOT NULL DEFAULT '1',
	ping_per_request_timeout INTEGER NOT NULL DEFAULT '2',
	ip_family varchar(4) DEFAULT null,
	manual_status INTEGER,
	oauth_audience varchar(255) DEFAULT null,
	mqtt_websocket_path varchar(255),
	domain_expiry_notification boolean DEFAULT '0',
	save_response boolean NOT NULL DEFAULT '0',
	save_error_response boolean NOT NULL DEFAULT '1',
	response_max_length INTEGER NOT NULL DEFAULT '1024',
	system_service_name varchar(255),
	subtype varchar(10),
	location varchar(255),
	protocol varchar(20),
	snmp_v3_username varchar(255),
	expected_tls_alert varchar(50) DEFAULT null,
	retry_only_on_status_code_failure boolean NOT NULL DEFAULT '0',
	screenshot_delay INTEGER NOT NULL DEFAULT '0',
	FOREIGN KEY (docker_host) REFERENCES docker_host (id) ON DELETE NO ACTION ON UPDATE NO ACTION,
	FOREIGN KEY (parent) REFERENCES monitor (id) ON DELETE SET NULL ON UPDATE CASCADE,
	FOREIGN KEY (proxy_id) REFERENCES proxy (id) ON DELETE NO ACTION ON UPDATE NO ACTION,
	FOREIGN KEY (remote_browser) REFERENCES remote_browser (id) ON DELETE NO ACTION ON UPDATE NO ACTION,
	FOREIGN KEY (user_id) REFERENCES "user" ON DELETE SET NULL ON UPDATE CASCADE,
	CHECK ("snmp_version" in('1' , '2c' , '3'))
);
CREATE TABLE monitor_group (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	monitor_id INTEGER NOT NULL,
	group_id INTEGER NOT NULL,
	weight BOOLEAN NOT NULL DEFAULT 1000,
	send_url BOOLEAN NOT NULL DEFAULT 0,
	custom_url TEXT,
	FOREIGN KEY (group_id) REFERENCES "group" (id) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (monitor_id) REFERENCES monitor (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE monitor_maintenance (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	monitor_id INTEGER NOT NULL,
	maintenance_id INTEGER NOT NULL,
	FOREIGN KEY (maintenance_id) REFERENCES maintenance (id) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (monitor_id) REFERENCES monitor (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE monitor_notification (
	id INTEGER NOT NULL PRIMARY KEY,
	monitor_id INTEGER NOT NULL,
	notification_id INTEGER NOT NULL,
	FOREIGN KEY (monitor_id) REFERENCES monitor (id) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (notification_id) REFERENCES notification (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE monitor_tag (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	monitor_id INTEGER NOT NULL,
	tag_id INTEGER NOT NULL,
	value TEXT,
	FOREIGN KEY (monitor_id) REFERENCES monitor (id) ON DELETE CASCADE ON UPDATE CASCADE,
	FOREIGN KEY (tag_id) REFERENCES tag (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE monitor_tls_info (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	monitor_id INTEGER NOT NULL,
	info_json TEXT,
	FOREIGN KEY (monitor_id) REFERENCES monitor (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE notification (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name VARCHAR(255),
	active BOOLEAN NOT NULL DEFAULT 1,
	user_id INTEGER NOT NULL,
	is_default BOOLEAN NOT NULL DEFAULT 0,
	config TEXT
);
CREATE TABLE notification_sent_history (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	type VARCHAR(50) NOT NULL,
	monitor_id INTEGER NOT NULL,
	days INTEGER NOT NULL,
	UNIQUE (type, monitor_id, days)
);
CREATE TABLE proxy (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	user_id INT NOT NULL,
	protocol VARCHAR(10) NOT NULL,
	host VARCHAR(255) NOT NULL,
	port INTEGER,
	auth BOOLEAN NOT NULL,
	username VARCHAR(255),
	password VARCHAR(255),
	active BOOLEAN NOT NULL DEFAULT 1,
	"default" BOOLEAN NOT NULL DEFAULT 0,
	created_date DATETIME NOT NULL DEFAULT (DATETIME('now'))
);
CREATE TABLE remote_browser (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name varchar(255) NOT NULL,
	url varchar(255) NOT NULL,
	user_id INTEGER
);
CREATE TABLE setting (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	"key" VARCHAR(200) NOT NULL,
	value TEXT,
	type VARCHAR(20),
	UNIQUE ("key")
);
CREATE TABLE stat_daily (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	monitor_id INTEGER NOT NULL,
	timestamp INTEGER NOT NULL,
	ping float NOT NULL,
	up INTEGER NOT NULL,
	down INTEGER NOT NULL,
	ping_min float NOT NULL DEFAULT '0',
	ping_max float NOT NULL DEFAULT '0',
	extras TEXT DEFAULT null,
	UNIQUE (monitor_id, timestamp),
	FOREIGN KEY (monitor_id) REFERENCES monitor (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE stat_hourly (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	monitor_id INTEGER NOT NULL,
	timestamp INTEGER NOT NULL,
	ping float NOT NULL,
	ping_min float NOT NULL DEFAULT '0',
	ping_max float NOT NULL DEFAULT '0',
	up INTEGER NOT NULL,
	down INTEGER NOT NULL,
	extras TEXT DEFAULT null,
	UNIQUE (monitor_id, timestamp),
	FOREIGN KEY (monitor_id) REFERENCES monitor (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE stat_minutely (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	monitor_id INTEGER NOT NULL,
	timestamp INTEGER NOT NULL,
	ping float NOT NULL,
	up INTEGER NOT NULL,
	down INTEGER NOT NULL,
	ping_min float NOT NULL DEFAULT '0',
	ping_max float NOT NULL DEFAULT '0',
	extras TEXT DEFAULT null,
	UNIQUE (monitor_id, timestamp),
	FOREIGN KEY (monitor_id) REFERENCES monitor (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE status_page (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	slug VARCHAR(255) NOT NULL,
	title VARCHAR(255) NOT NULL,
	description TEXT,
	icon VARCHAR(255) NOT NULL,
	theme VARCHAR(30) NOT NULL,
	published BOOLEAN NOT NULL DEFAULT 1,
	search_engine_index BOOLEAN NOT NULL DEFAULT 1,
	show_tags BOOLEAN NOT NULL DEFAULT 0,
	password VARCHAR,
	created_date DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
	modified_date DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
	footer_text TEXT,
	custom_css TEXT,
	show_powered_by BOOLEAN NOT NULL DEFAULT 1,
	analytics_id VARCHAR,
	show_certificate_expiry BOOLEAN NOT NULL DEFAULT 0,
	auto_refresh_interval INTEGER DEFAULT '300',
	analytics_script_url varchar(255),
	analytics_type TEXT DEFAULT null,
	show_only_last_heartbeat boolean NOT NULL DEFAULT '0',
	rss_title varchar(255),
	UNIQUE (slug),
	CHECK ("analytics_type" in ('google', 'umami', 'plausible', 'matomo'))
);
CREATE TABLE status_page_cname (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	status_page_id INTEGER NOT NULL,
	domain VARCHAR NOT NULL,
	UNIQUE (domain),
	FOREIGN KEY (status_page_id) REFERENCES status_page (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE tag (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	name VARCHAR(255) NOT NULL,
	color VARCHAR(255) NOT NULL,
	created_date DATETIME NOT NULL DEFAULT (DATETIME('now'))
);
CREATE TABLE "user" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	username VARCHAR(255) NOT NULL,
	password VARCHAR(255),
	active BOOLEAN NOT NULL DEFAULT 1,
	timezone VARCHAR(150),
	twofa_secret VARCHAR(64),
	twofa_status BOOLEAN NOT NULL DEFAULT 0,
	twofa_last_token VARCHAR(6),
	UNIQUE (username)
);
INSERT INTO "user" (id, username, password) VALUES
	(1, 'admin', '$2a$10$8wVpWzN6wnIpTmUH0KpXxuJAyn.ekLhpcoFCoo2NzDGmWr106Udvi');
INSERT INTO proxy (id, user_id, protocol, host, port, auth, username, password, created_date) VALUES
	(1, 1, 'http', '10.0.0.5', 3128, 0, NULL, NULL, '2026-10-01 08:00:00'),
	(2, 1, 'socks5', '10.0.0.6', 1080, 1, 'kuma', 's3cr3t-pr0xy', '2026-10-01 08:00:00');
INSERT INTO docker_host (id, user_id, docker_daemon, docker_type, name) VALUES
	(1, 1, '/var/run/docker.sock', 'socket', 'local docker');
INSERT INTO remote_browser (id, name, url, user_id) VALUES
	(1, 'chrome', 'ws://browser.example.test:3000/playwright/chrome?token=abc', 1);
INSERT INTO notification (id, name, user_id, is_default, config) VALUES
	(1, 'Ops mail', 1, 1, '{"name": "Ops mail", "isDefault": true, "applyExisting": false, "type": "smtp", "smtpHost": "mail.example.test", "smtpPort": 587, "smtpSecure": false, "smtpFrom": "\"Uptime Kuma\" <kuma@example.test>", "smtpTo": "ops@example.test", "customSubject": "{{ name }} is {{ status }}"}'),
	(2, 'Ops chat', 1, 0, '{"name": "Ops chat", "isDefault": false, "applyExisting": false, "type": "slack", "slackwebhookURL": "https://hooks.slack.example.test/services/T000/B000/XXXX", "slackusername": "kuma", "slackiconemo": ":bear:", "slackchannel": "#ops"}'),
	(3, 'Pager webhook', 1, 0, '{"name": "Pager webhook", "isDefault": false, "applyExisting": false, "type": "webhook", "webhookURL": "https://pager.example.test/hook?team=1", "webhookContentType": "custom", "webhookCustomBody": "{\n  \"title\": \"{{ name }}\",\n  \"state\": \"{{ status }}\"\n}", "webhookAdditionalHeaders": "{\"Authorization\": \"Bearer abc.def\"}"}');
INSERT INTO tag (id, name, color, created_date) VALUES
	(1, 'production', '#DC2626', '2026-10-01 08:00:00'),
	(2, 'staging', '#D97706', '2026-10-01 08:00:00'),
	(3, 'database', '#2563EB', '2026-10-01 08:00:00'),
	(4, 'customer', '#059669', '2026-10-01 08:00:00');
INSERT INTO status_page (id, slug, title, description, icon, theme, search_engine_index, show_tags, created_date, modified_date, footer_text, custom_css, auto_refresh_interval, show_only_last_heartbeat) VALUES
	(1, 'public', 'Example status', 'Our public services', '/icon.svg', 'auto', 1, 1, '2026-10-01 08:00:00', '2026-10-01 08:00:00', 'Questions? Write to **help@example.test**', 'body {
  background: #fafafa;
}

.item-name {
  font-weight: 600;
}
', 300, 0),
	(2, 'internal', 'Internal', NULL, '/icon.svg', 'dark', 0, 1, '2026-10-01 08:00:00', '2026-10-01 08:00:00', NULL, 'body {
  
}
', 60, 0);
INSERT INTO status_page_cname (id, status_page_id, domain) VALUES
	(1, 1, 'status.example.test');
INSERT INTO "group" (id, name, created_date, public, weight, status_page_id) VALUES
	(1, 'Web', '2026-10-01 08:00:00', 1, 1, 1),
	(2, 'API', '2026-10-01 08:00:00', 1, 2, 1),
	(3, 'Databases', '2026-10-01 08:00:00', 1, 1, 2),
	(4, 'Network', '2026-10-01 08:00:00', 1, 2, 2);
INSERT INTO incident (id, title, content, style, created_date, status_page_id) VALUES
	(1, 'Planned network work', 'On **Sunday** we replace a switch.

No outage expected.', 'info', '2026-10-01 08:00:00', 1);
INSERT INTO api_key (id, "key", name, user_id, created_date, expires) VALUES
	(1, '$2a$10$7u9R7ZP2WJ7sV7Yh7m1cDe8jQm7e3nPzJqR4l7n1eXy5wH1f1k6pa', 'prometheus', 1, '2026-10-01 08:00:00', '2027-12-31 00:00:00');
INSERT INTO maintenance (id, title, description, user_id, strategy, start_date, start_time, end_time, weekdays, interval_day, cron, timezone, duration) VALUES
	(1, 'Weekly patching', 'Servers restart one after the other.', 1, 'recurring-weekday', '2026-10-01 00:00:00', '02:00', '04:00', '[3]', 1, '0 2 * * 3', 'SAME_AS_SERVER', 7200);
INSERT INTO maintenance_status_page (id, status_page_id, maintenance_id) VALUES
	(1, 2, 1);
INSERT INTO monitor (id, name, active, user_id, "interval", url, type, hostname, port, created_date, keyword, maxretries, ignore_tls, upside_down, dns_resolve_type, dns_resolve_server, retry_interval, push_token, method, body, headers, docker_host, docker_container, proxy_id, mqtt_topic, mqtt_success_message, database_connection_string, database_query, grpc_url, grpc_protobuf, grpc_method, grpc_service_name, grpc_enable_tls, http_body_encoding, description, parent, json_path, expected_value, kafka_producer_brokers, kafka_producer_sasl_options, timeout, remote_browser, json_path_operator, cache_bust, rabbitmq_nodes, ws_ignore_sec_websocket_accept_header, ping_count, ping_numeric, ping_per_request_timeout, domain_expiry_notification, save_response, save_error_response, response_max_length, retry_only_on_status_code_failure, screenshot_delay) VALUES
	(1, 'Web group', 1, 1, 60, 'https://', 'group', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', NULL, NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(2, 'Website', 1, 1, 60, 'https://www.example.test/', 'http', NULL, NULL, '2026-10-01 08:00:00', NULL, 3, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', 'Monitor Website', 1, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(3, 'Shop', 1, 1, 60, 'https://shop.example.test/health', 'keyword', NULL, NULL, '2026-10-01 08:00:00', 'OK', 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', NULL, 1, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(4, 'Blog', 1, 1, 60, 'https://blog.example.test/', 'http', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', 'Monitor Blog', 1, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(5, 'API v1', 1, 1, 60, 'https://api.example.test/v1/ping', 'http', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'POST', '{"ping": true}', '{"X-Key": "abc"}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', NULL, NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(6, 'API v2', 1, 1, 60, 'https://api.example.test/v2/health', 'json-query', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', 'Monitor API v2', NULL, '$.status', 'up', '[]', '{"mechanism":"None"}', 48.0, NULL, '==', 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(7, 'Database group', 1, 1, 60, 'https://', 'group', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', NULL, NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(8, 'Postgres', 1, 1, 60, 'https://', 'postgres', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'postgres://kuma:pw@db.example.test:5432/app', 'SELECT 1', NULL, NULL, NULL, NULL, 0, 'json', 'Monitor Postgres', 7, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(9, 'MariaDB', 1, 1, 60, 'https://', 'mysql', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'mysql://kuma@db2.example.test:3306/app', 'SELECT 1', NULL, NULL, NULL, NULL, 0, 'json', NULL, 7, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(10, 'Redis', 1, 1, 60, 'https://', 'redis', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'redis://redis.example.test:6379', NULL, NULL, NULL, NULL, NULL, 0, 'json', 'Monitor Redis', 7, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(11, 'Gateway', 1, 1, 60, 'https://', 'ping', '10.0.0.1', NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', NULL, NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(12, 'Mail port', 1, 1, 60, 'https://', 'port', 'mail.example.test', 25, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', 'Monitor Mail port', NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(13, 'DNS', 1, 1, 60, 'https://', 'dns', 'example.test', 53, '2026-10-01 08:00:00', NULL, 1, 0, 0, 'A', '10.0.0.2', 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', NULL, NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(14, 'Backup job', 1, 1, 86400, 'https://', 'push', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, 'abcdefABCDEF0123456789abcdefABCD', 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', 'Monitor Backup job', NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(15, 'Nginx container', 1, 1, 60, 'https://', 'docker', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, 1, 'nginx', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', NULL, NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(16, 'Checkout page', 1, 1, 60, 'https://shop.example.test/checkout', 'real-browser', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', 'Monitor Checkout page', NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, 1, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(17, 'MQTT broker', 1, 1, 60, 'https://', 'mqtt', 'mqtt.example.test', 1883, '2026-10-01 08:00:00', NULL, 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, 'health', 'ok', NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', NULL, NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(18, 'gRPC', 1, 1, 60, 'https://', 'grpc-keyword', NULL, NULL, '2026-10-01 08:00:00', 'SERVING', 1, 0, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'grpc.example.test:443', 'syntax = "proto3";
service Health {
  rpc check(Req) returns (Res);
}
', 'check', 'Health', 1, 'json', 'Monitor gRPC', NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(19, 'Partner site', 0, 1, 60, 'https://partner.example.test/', 'http', NULL, NULL, '2026-10-01 08:00:00', NULL, 1, 1, 0, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', NULL, NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0),
	(20, 'Legacy FTP', 1, 1, 60, 'https://', 'port', 'ftp.example.test', 21, '2026-10-01 08:00:00', NULL, 1, 0, 1, NULL, NULL, 60, NULL, 'GET', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 'json', 'Monitor Legacy FTP', NULL, NULL, NULL, '[]', '{"mechanism":"None"}', 48.0, NULL, NULL, 0, '[]', 0, 1, 1, 2, 0, 0, 1, 1024, 0, 0);
INSERT INTO monitor_notification (id, monitor_id, notification_id) VALUES
	(1, 1, 1),
	(2, 2, 1),
	(3, 3, 1),
	(4, 3, 2),
	(5, 4, 1),
	(6, 5, 1),
	(7, 6, 1),
	(8, 6, 2),
	(9, 6, 3),
	(10, 7, 1),
	(11, 8, 1),
	(12, 9, 1),
	(13, 9, 2),
	(14, 10, 1),
	(15, 11, 1),
	(16, 12, 1),
	(17, 12, 2),
	(18, 12, 3),
	(19, 13, 1),
	(20, 14, 1),
	(21, 15, 1),
	(22, 15, 2),
	(23, 16, 1),
	(24, 17, 1),
	(25, 18, 1),
	(26, 18, 2),
	(27, 18, 3),
	(28, 19, 1),
	(29, 20, 1);
INSERT INTO monitor_group (id, monitor_id, group_id, weight, send_url) VALUES
	(1, 2, 1, 1, 1),
	(2, 3, 1, 2, 1),
	(3, 4, 1, 3, 1),
	(4, 5, 2, 4, 0),
	(5, 6, 2, 5, 0),
	(6, 8, 3, 6, 0),
	(7, 9, 3, 7, 0),
	(8, 10, 3, 8, 0),
	(9, 11, 4, 9, 0),
	(10, 12, 4, 10, 0),
	(11, 13, 4, 11, 0);
INSERT INTO monitor_tag (id, monitor_id, tag_id, value) VALUES
	(1, 1, 1, ''),
	(2, 2, 1, ''),
	(3, 3, 1, ''),
	(4, 4, 1, ''),
	(5, 5, 1, ''),
	(6, 6, 1, ''),
	(7, 7, 1, ''),
	(8, 7, 3, 'cluster-7'),
	(9, 8, 1, ''),
	(10, 8, 3, 'cluster-8'),
	(11, 9, 1, ''),
	(12, 9, 3, 'cluster-9'),
	(13, 10, 1, ''),
	(14, 10, 3, 'cluster-10'),
	(15, 11, 1, ''),
	(16, 12, 1, ''),
	(17, 13, 1, ''),
	(18, 14, 1, ''),
	(19, 15, 2, ''),
	(20, 16, 2, ''),
	(21, 17, 2, ''),
	(22, 18, 2, ''),
	(23, 19, 2, ''),
	(24, 20, 2, '');
INSERT INTO monitor_maintenance (id, monitor_id, maintenance_id) VALUES
	(1, 8, 1),
	(2, 9, 1),
	(3, 10, 1);
INSERT INTO setting (id, "key", value) VALUES
	(3, 'migrateAggregateTableState', '"migrated"'),
	(4, 'jwtSecret', 'a-secret-of-this-instance-alone');
INSERT INTO knex_migrations (id, name, batch, migration_time) VALUES
	(1, '2023-08-16-0000-create-uptime.js', 1, 1795533476072),
	(48, '2026-02-07-0000-disable-domain-expiry-unsupported-tlds.js', 1, 1795533476258);
INSERT INTO knex_migrations_lock ("index", is_locked) VALUES
	(1, 0);
COMMIT;
