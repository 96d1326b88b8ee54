import { isIPv4, isIPv6 } from 'node:net';
import * as z from 'zod';

import type { Retention } from '../model/lineage.ts';
import { nearestName } from './nearest-name.ts';

/** A schema that reads the text of a variable. Its messages are full sentences with the way out in them. */
export type ValueSchema<Value = unknown> = z.ZodType<Value, string>;

/** Where to listen for TCP connections. */
export interface Listening {
	/** A name or an address, without brackets. */
	readonly host: string;
	readonly port: number;
}

/** When a snapshot's deletes are held: at least this share (0…1) and at least this count of all monitors. */
export type GuardThresholds = { readonly share: number; readonly count: number } | 'off';

const RETENTION_MAX = 100_000;
const GUARD_COUNT_MAX = 1_000_000;

/** @returns `text` as it may stand in a message: on one line, and not longer than a line. */
function quoted(text: unknown): string {
	const shown = String(text);
	return JSON.stringify(shown.length > 60 ? `${shown.slice(0, 60)}…` : shown);
}

/** @returns a schema around `read`, which answers null when `text` is not usable. */
function readAs<Value>(
	read: (text: string) => Value | null,
	explain: (text: string) => string,
): ValueSchema<Value> {
	return z.string().transform((text, context) => {
		const value = read(text);
		if (value === null) {
			context.addIssue({ code: 'custom', message: explain(text) });
			return z.NEVER;
		}
		return value;
	});
}

/** One of `choices`, exactly as written there. */
export function choiceOf<const Choice extends string>(
	choices: readonly [Choice, ...Choice[]],
): ValueSchema<Choice> {
	return readAs(
		(text) => choices.find((choice) => choice === text) ?? null,
		(text) =>
			`${quoted(text)} is unknown; did you mean ${nearestName(text, choices)}? Valid are ${choices.join(', ')}.`,
	);
}

/** A whole number in decimal digits; `12abc`, `1e3` and `12.0` are none. */
export function wholeNumber(range: { min: number; max: number; unit: string }): ValueSchema<number> {
	return readAs(
		(text) => wholeNumberWithin(text, range),
		(text) =>
			`${quoted(text)} is not usable. Write a whole number of ${range.unit} from ${range.min} to ${range.max}.`,
	);
}

/** Text that `pattern` matches as a whole; `wanted` says in words what that is. */
export function textLike(pattern: RegExp, wanted: string): ValueSchema<string> {
	return readAs(
		(text) => (pattern.test(text) ? text : null),
		(text) => `${quoted(text)} is not usable. Write ${wanted}.`,
	);
}

/** A secret in one line of visible ASCII; messages never quote it. */
export function tokenText(): ValueSchema<string> {
	return readAs(
		(text) => (/^[\x21-\x7e]+$/.test(text) ? text : null),
		() =>
			'The value has spaces, line breaks or other characters that no token has. Copy the token again, alone.',
	);
}

/** A secret like that of {@link tokenText}, but one that we accept ourselves: a short one could be guessed. */
export function longToken(lengthMin: number): ValueSchema<string> {
	return tokenText().refine((text) => text.length >= lengthMin, {
		error: `The value has fewer than ${lengthMin} characters. Use a long random one, as "openssl rand -hex 32" prints.`,
	});
}

/** `8080`, `0.0.0.0:8080`, `[::1]:8080`; a port alone means this machine only. */
export function listeningAddress(): ValueSchema<Listening> {
	return readAs(readListening, (text) => {
		return (
			`${quoted(text)} is not usable. Write PORT (for this machine only), HOST:PORT or [IPV6]:PORT, such as 8080, ` +
			'0.0.0.0:8080 or [::]:8080.'
		);
	});
}

function readListening(text: string): Listening | null {
	const [, address, name, digits = ''] = /^(?:(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):)?(\d+)$/i.exec(text) ?? [];
	const port = wholeNumberWithin(digits, { min: 1, max: 65_535 });
	if (port === null || (address !== undefined && !isIPv6(address))) return null;
	return { host: address ?? name ?? '127.0.0.1', port };
}

/** @returns the text that {@link listeningAddress} reads as `listening`. */
export function formatListening({ host, port }: Listening): string {
	return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** @returns whether only this machine can connect there. */
export function isLoopback(host: string): boolean {
	return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** The address of a web server, without credentials, query or fragment; the result has no slash at its end. */
export function serverUrl(): ValueSchema<string> {
	return readAs(readServerUrl, () => {
		return (
			'The address is not one of a web server. Write http://HOST:PORT or https://HOST, with nothing but a path ' +
			'behind it; the token goes into REPLICATOR_TOKEN.'
		);
	});
}

function readServerUrl(text: string): string | null {
	const url = URL.parse(text.trim());
	if (url === null || !['http:', 'https:'].includes(url.protocol)) return null;
	if (url.username || url.password || url.search || url.hash) return null;
	return url.href.replace(/(?<!\/)\/+$/, '');
}

/** `last=100,days=30,months=12`: any of the three in any order; the ones that are not named keep `defaults`. */
export function retentionRules(defaults: Retention): ValueSchema<Retention> {
	return readAs(
		(text) => readRetention(text, defaults),
		(text) =>
			`${quoted(text)} is not usable. Write any of last=…, days=… and months=… with commas between them, such as ` +
			`last=100,days=30,months=12; each is a whole number up to ${RETENTION_MAX}, and last is at least 1.`,
	);
}

function readRetention(text: string, defaults: Retention): Retention | null {
	const rules = new Map<string, number>();
	for (const part of text.split(',')) {
		const [, rule, digits] = /^ *(last|days|months)=(\d+) *$/.exec(part) ?? [];
		if (rule === undefined || digits === undefined || rules.has(rule)) {
			return null;
		}
		const number = wholeNumberWithin(digits, { min: rule === 'last' ? 1 : 0, max: RETENTION_MAX });
		if (number === null) {
			return null;
		}
		rules.set(rule, number);
	}
	return {
		last: rules.get('last') ?? defaults.last,
		days: rules.get('days') ?? defaults.days,
		months: rules.get('months') ?? defaults.months,
	};
}

/** @returns the text that {@link retentionRules} reads as `retention`. */
export function formatRetention(retention: Retention): string {
	return `last=${retention.last},days=${retention.days},months=${retention.months}`;
}

/** `50%,10`: at least half and at least ten; or `off`. */
export function guardThresholds(): ValueSchema<GuardThresholds> {
	return readAs(readGuardThresholds, (text) => {
		return (
			`${quoted(text)} is not usable. Write SHARE%,COUNT, such as 50%,10 (at least half and at least ten), ` +
			`with a share from 0% to 100% and a count from 1 to ${GUARD_COUNT_MAX}, or off.`
		);
	});
}

function readGuardThresholds(text: string): GuardThresholds | null {
	if (text === 'off') {
		return 'off';
	}
	const [, shareDigits, countDigits] = /^(\d+)%, ?(\d+)$/.exec(text) ?? [];
	if (shareDigits === undefined || countDigits === undefined) {
		return null;
	}
	const percent = wholeNumberWithin(shareDigits, { min: 0, max: 100 });
	const count = wholeNumberWithin(countDigits, { min: 1, max: GUARD_COUNT_MAX });
	return percent === null || count === null ? null : { share: percent / 100, count };
}

/** @returns the text that {@link guardThresholds} reads as `guard`. */
export function formatGuardThresholds(guard: GuardThresholds): string {
	return guard === 'off' ? 'off' : `${Math.round(guard.share * 100)}%,${guard.count}`;
}

/**
 * The address of an ntfy topic: https is assumed without a scheme, credentials may stand in it. The result has no
 * slash at its end and no fragment. Messages never quote it, for who knows a topic can read it.
 */
export function topicUrl(): ValueSchema<string> {
	return readAs(readTopicUrl, () => {
		return (
			'The address is not one of an ntfy topic. Write SERVER/TOPIC, such as ntfy.sh/my-fleet-8f3a, with http:// in ' +
			'front for a server without TLS, and %-encode special characters in a user name or password.'
		);
	});
}

function readTopicUrl(text: string): string | null {
	const trimmed = text.trim();
	const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`);
	if (url === null || !['http:', 'https:'].includes(url.protocol)) {
		return null;
	}
	url.pathname = url.pathname.replace(/(?<!\/)\/+$/, '');
	url.hash = '';
	return url.pathname === '/' || !isDecodable(url.username) || !isDecodable(url.password) ? null : url.href;
}

/** An address that is called with http or https; credentials may stand in it. Messages never quote it. */
export function httpUrl(): ValueSchema<string> {
	return readAs(readHttpUrl, () => {
		return (
			'The address is not usable. Write the whole of it, with http:// or https:// in front, and %-encode special ' +
			'characters in a user name or password.'
		);
	});
}

function readHttpUrl(text: string): string | null {
	const url = URL.parse(text.trim());
	if (url === null || !['http:', 'https:'].includes(url.protocol)) return null;
	url.hash = '';
	return isDecodable(url.username) && isDecodable(url.password) ? url.href : null;
}

function isDecodable(encoded: string): boolean {
	try {
		decodeURIComponent(encoded);
		return true;
	} catch (error) {
		if (error instanceof URIError) {
			return false;
		}
		throw error;
	}
}

function wholeNumberWithin(text: string, range: { min: number; max: number }): number | null {
	if (!/^\d{1,9}$/.test(text)) {
		return null;
	}
	const number = Number(text);
	return number >= range.min && number <= range.max ? number : null;
}
