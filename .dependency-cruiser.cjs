/** The import arrows of docs/architecture.md, as rules. */
const stages = 'database|snapshot|repository|plan|apply|reload';

module.exports = {
	forbidden: [
		{ name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
		{
			name: 'no-orphans',
			severity: 'error',
			from: { orphan: true, pathNot: '\\.test\\.ts$|^src/main\\.ts$|^src/agent/preload\\.ts$' },
			to: {},
		},
		{
			name: 'model-imports-nothing',
			comment: 'The words of the domain know nothing of the world.',
			severity: 'error',
			from: { path: '^src/model/', pathNot: '\\.test\\.ts$' },
			to: { pathNot: '^src/model/' },
		},
		{
			name: 'plan-is-pure',
			comment: 'Rows in, changes out: no clock, no network, no database, no file.',
			severity: 'error',
			from: { path: '^src/plan/', pathNot: '\\.test\\.ts$' },
			to: { dependencyTypes: ['core'] },
		},
		{
			name: 'stages-import-model-and-never-each-other',
			severity: 'error',
			from: { path: `^src/(${stages})/`, pathNot: '\\.test\\.ts$' },
			to: { path: '^src/', pathNot: ['^src/model/', '^src/socket/', '^src/$1/'] },
		},
		{
			name: 'agent-imports-model',
			comment: 'It runs inside of Kuma: one small file, without a single package.',
			severity: 'error',
			from: { path: '^src/(agent|socket)/', pathNot: '\\.test\\.ts$' },
			to: {
				pathNot: [
					'^src/(model|socket)/',
					'^src/$1/',
					'^node:',
					'^(fs|net|path|module|timers|worker_threads)',
				],
			},
		},
		{
			name: 'catalog-imports-model',
			severity: 'error',
			from: { path: '^src/catalog/', pathNot: '\\.test\\.ts$' },
			to: { path: '^src/', pathNot: '^src/(model|catalog)/' },
		},
		{
			name: 'edges-import-model',
			comment:
				'Kuma as a program, signals and configuration stand beside the stages and know only the model.',
			severity: 'error',
			from: { path: '^src/(kuma|signals|config)/', pathNot: '\\.test\\.ts$' },
			to: { path: '^src/', pathNot: ['^src/model/', '^src/$1/'] },
		},
		{
			name: 'roles-compose-stages',
			severity: 'error',
			from: { path: '^src/(leader|replica)/', pathNot: '\\.test\\.ts$' },
			to: { path: '^src/(commands|http|daemon|signals|config|kuma)/' },
		},
		{
			name: 'only-tests-import-tests',
			severity: 'error',
			from: { path: '^src/', pathNot: '\\.test\\.ts$' },
			to: { path: '^test/|\\.test\\.ts$' },
		},
	],
	options: {
		doNotFollow: { path: 'node_modules' },
		tsConfig: { fileName: 'tsconfig.json' },
		tsPreCompilationDeps: true,
		enhancedResolveOptions: {
			exportsFields: ['exports'],
			conditionNames: ['import', 'require', 'node', 'default', 'types'],
		},
	},
};
