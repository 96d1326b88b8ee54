import Table from 'cli-table3';

/** An empty table with these headings, set in columns without lines between them, so that it can be cut and pasted. */
export function borderlessTable(head: readonly string[]): Table.Table {
	return new Table({
		head: [...head],
		style: { head: [], border: [], compact: true },
		chars: PLAIN,
	});
}

const PLAIN = {
	top: '',
	'top-mid': '',
	'top-left': '',
	'top-right': '',
	bottom: '',
	'bottom-mid': '',
	'bottom-left': '',
	'bottom-right': '',
	left: '',
	'left-mid': '',
	mid: '',
	'mid-mid': '',
	right: '',
	'right-mid': '',
	middle: ' ',
};
