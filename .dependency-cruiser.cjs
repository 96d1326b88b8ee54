/**
 * The import arrows of docs/architecture.md, as rules: what each folder of src/ may import beside itself. A folder that
 * does not stand here may import nothing, and be imported by nobody.
 */
const ground = ['files', 'wire', 'timing', 'log', 'model'];
const stages = ['database', 'snapshot', 'repository', 'apply', 'reload'];

const arrows = {
	// The words of the domain know nothing of the world.
	model: [],
	// The ground: nothing in it knows what is replicated.
	files: ['model'],
	timing: ['model'],
	wire: ['model', 'timing'],
	log: ['files', 'model'],
	// Pure: see below.
	lineage: ['model'],
	plan: ['model'],
	catalog: ['model'],
	config: ['model'],
	// The stages know the ground and the model, and never each other. What is listed stands in the lineage's order.
	database: ground,
	snapshot: ground,
	repository: [...ground, 'lineage'],
	apply: ground,
	reload: ground,
	kuma: ground,
	// It runs inside of Kuma: one small file, without a single package.
	agent: ['model', 'wire'],
	// One Kuma with its data directory, opened by whoever needs it.
	instance: [...ground, ...stages, 'lineage', 'catalog', 'config', 'kuma'],
	nudges: [...ground, 'config'],
	notices: [...ground, 'config', 'nudges'],
	fleet: [...ground, 'config', 'lineage', 'instance', 'snapshot', 'repository'],
	replica: [...ground, ...stages, 'lineage', 'plan', 'catalog', 'instance'],
	// A leader that is new is a replica first.
	leader: [...ground, ...stages, 'lineage', 'plan', 'catalog', 'instance', 'replica'],
	control: [...ground, 'config', 'instance'],
	http: [...ground, 'config', 'fleet'],
};
const below = Object.keys(arrows).filter((folder) => folder !== 'agent');
arrows.daemon = below;
arrows.commands = [...below, 'daemon'];

const oneOf = (folders) => `^src/(${folders.join('|')})/`;
const notTests = { pathNot: '\\.test\\.ts$' };

module.exports = {
	forbidden: [
		{ name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
		{
			name: 'no-orphans',
			severity: 'error',
			from: { orphan: true, pathNot: '\\.test\\.ts$|^src/main\\.ts$|^src/agent/preload\\.ts$' },
			to: {},
		},
		...Object.entries(arrows).map(([folder, allowed]) => ({
			name: `${folder}-imports-what-is-below`,
			severity: 'error',
			from: { path: oneOf([folder]), ...notTests },
			to: { path: '^src/', pathNot: oneOf([folder, ...allowed]) },
		})),
		{
			name: 'every-folder-has-a-rule',
			severity: 'error',
			from: { path: '^src/', pathNot: `${oneOf(Object.keys(arrows))}|^src/main\\.ts$|\\.test\\.ts$` },
			to: {},
		},
		{
			name: 'main-imports-commands',
			severity: 'error',
			from: { path: '^src/main\\.ts$' },
			to: { path: '^src/', pathNot: oneOf(['commands', ...ground]) },
		},
		{
			name: 'model-imports-nothing',
			severity: 'error',
			from: { path: oneOf(['model']), ...notTests },
			to: { pathNot: oneOf(['model']) },
		},
		{
			name: 'plan-and-lineage-are-pure',
			comment: 'Values in, values out: no clock, no network, no database, no file.',
			severity: 'error',
			from: { path: oneOf(['lineage', 'plan']), ...notTests },
			to: { dependencyTypes: ['core'] },
		},
		{
			name: 'agent-has-no-packages',
			severity: 'error',
			from: { path: '^src/(agent/|wire/(line-reader|socket-path)\\.ts)', ...notTests },
			to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'unknown'] },
		},
		{
			name: 'only-tests-import-tests',
			severity: 'error',
			from: { path: '^src/', ...notTests },
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
