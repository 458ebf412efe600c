const DRIVERS = {
  pg: 'pg',
  knex: 'knex',
  rabbitmq: 'amqplib',
  prometheus: 'prom-client',
  opentelemetry: '@opentelemetry/api',
}

/** A driver belongs to one adapter: to swap it is to touch one folder. */
const driverRules = Object.entries(DRIVERS).map(([adapter, driver]) => ({
  name: `${driver}-only-in-adapters-${adapter}`,
  severity: 'error',
  comment: `${driver} is used in adapters/${adapter} and nowhere else, so that it can be swapped there. Give that adapter the function that you need.`,
  from: { path: '^(src|relay|adapters|testing)/', pathNot: `^adapters/${adapter}/` },
  to: { path: `(^|/)node_modules/(@types/)?${driver}(/|$)` },
}))

const CORE_DOORS = '^src/(index|ports)\\.ts$'

/**
 * The architecture, as rules. The same in prose, with reasons: docs/architecture.md.
 * @type {import('dependency-cruiser').IConfiguration}
 */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment:
        'A cycle hides which of two modules is the lower one; types count. Move what both need below them.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'An import that leads nowhere escapes all other rules. Correct its path.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'core-is-pure',
      severity: 'error',
      comment:
        'src/ knows no driver, no broker and no process: itself and node: only. State a port, and let an adapter do it.',
      from: { path: '^src/' },
      to: { path: ['^adapters/', '^relay/', '^testing/', '(^|/)node_modules/'] },
    },
    {
      name: 'core-has-known-folders',
      severity: 'error',
      comment: 'A new folder of the core is a decision: add it here and to docs/architecture.md.',
      from: {},
      to: {
        path: '^src/[^/]+/',
        pathNot:
          '^src/(message|outbox|inbox|consuming|dead-letters|conservation|relaying|transport|database|retry|telemetry|lifecycle)/',
      },
    },
    {
      name: 'message-is-a-leaf',
      severity: 'error',
      comment:
        'message/ is the vocabulary that all share; it needs nobody but the errors. Move what needs more out of it.',
      from: { path: '^src/message/' },
      to: { path: '^src/', pathNot: ['^src/message/', '^src/errors\\.ts$'] },
    },
    {
      name: 'outbox-and-inbox-are-strangers',
      severity: 'error',
      comment: 'They run in different services. What both need belongs below them.',
      from: { path: '^src/(outbox|inbox)/' },
      to: { path: '^src/(outbox|inbox)/', pathNot: '^src/$1/' },
    },
    {
      name: 'foundations-look-down',
      severity: 'error',
      comment:
        'These folders carry outbox, inbox and what is built on them, not the reverse. Hand the need in as a parameter.',
      from: { path: '^src/(retry|transport|telemetry|lifecycle)/' },
      to: { path: '^src/(outbox|inbox|consuming|dead-letters|relaying)/' },
    },
    {
      name: 'core-by-its-doors',
      severity: 'error',
      comment:
        'Adapters, the relay and the testing door see of the core what a third party sees. Import src/index.ts or src/ports.ts, and export from there what is missing.',
      from: { path: '^(adapters|relay|testing)/' },
      to: { path: '^src/', pathNot: CORE_DOORS },
    },
    {
      name: 'adapters-are-strangers',
      severity: 'error',
      comment: 'An adapter never imports another one. A shared need becomes a port.',
      from: { path: '^adapters/([^/]+)/', pathNot: '^adapters/(pg|knex)/' },
      to: { path: '^adapters/', pathNot: '^adapters/$1/' },
    },
    {
      name: 'drivers-bind-to-the-sql',
      severity: 'error',
      comment:
        'pg and knex bind a driver to the SQL of adapters/postgres: its index.ts is the only other adapter that they may import.',
      from: { path: '^adapters/(pg|knex)/' },
      to: { path: '^adapters/', pathNot: ['^adapters/$1/', '^adapters/postgres/index\\.ts$'] },
    },
    {
      name: 'adapters-know-no-relay',
      severity: 'error',
      comment: 'The relay is one user of the adapters among others. Hand in what the adapter needs.',
      from: { path: '^adapters/' },
      to: { path: '^(relay|testing)/' },
    },
    ...driverRules,
    {
      name: 'only-compose-picks-adapters',
      severity: 'error',
      comment:
        'relay/compose.ts is the composition root, and the files beside it that begin like it: no other file of the relay names concrete adapters. Take the port as a parameter.',
      from: { path: '^relay/', pathNot: ['^relay/compose\\.ts$', '^relay/compose-telemetry\\.ts$'] },
      to: { path: '^adapters/' },
    },
    {
      name: 'adapters-by-their-doors',
      severity: 'error',
      comment: 'From outside, an adapter is its index.ts. Export there what is missing.',
      from: { path: '^(relay|testing|examples)/' },
      to: { path: '^adapters/', pathNot: '^adapters/[^/]+/index\\.ts$' },
    },
    {
      name: 'relay-duties-are-strangers',
      severity: 'error',
      comment:
        'The duties of the relay meet in relay.ts, not behind its back. Put what they share into relay/options.ts or the core.',
      from: { path: '^relay/(leasing|publishing|upkeep|health|admin)/' },
      to: { path: '^relay/', pathNot: ['^relay/$1/', '^relay/options\\.ts$'] },
    },
    {
      name: 'cli-stands-on-top',
      severity: 'error',
      comment: 'The commands drive the relay as a whole; they do not reach into its duties.',
      from: { path: '^relay/cli/' },
      to: {
        path: '^relay/',
        pathNot: ['^relay/(cli|config|doctor|logging)/', '^relay/(compose|config|relay|options)\\.ts$'],
      },
    },
    {
      name: 'nobody-imports-the-cli',
      severity: 'error',
      comment:
        'Commands are for people; what other code needs of them belongs below. Only relay/main.ts runs them.',
      from: { path: '^(src|adapters|relay|testing)/', pathNot: ['^relay/cli/', '^relay/main\\.ts$'] },
      to: { path: '^relay/cli/' },
    },
    {
      name: 'testing-is-in-memory',
      severity: 'error',
      comment:
        'waybill/testing must run without servers and drivers: the doors of the core, of the relay and of the memory adapter only.',
      from: { path: '^testing/' },
      to: { path: ['^adapters/', '^relay/'], pathNot: '^(adapters/memory|relay)/index\\.ts$' },
    },
    {
      name: 'faults-on-request',
      severity: 'error',
      comment:
        'What makes faults is asked for by its door, waybill/testing, and comes with nothing else. Import it there.',
      from: { path: '^(src|relay|adapters|testing)/', pathNot: '^testing/(failpoints/|index\\.ts$)' },
      to: { path: '^testing/(failpoints/|index\\.ts$)' },
    },
    {
      name: 'no-testing-in-production',
      severity: 'error',
      comment: 'testing/ is for the tests of services. Move what the product needs below it.',
      from: { path: '^(src|relay|adapters)/' },
      to: { path: '^testing/' },
    },
    {
      name: 'contracts-name-no-adapter',
      severity: 'error',
      comment: "A contract suite holds any adapter, a stranger's too: it is handed its subject.",
      from: { path: '^testing/contracts/' },
      to: { path: '^adapters/' },
    },
    {
      name: 'no-test-in-product',
      severity: 'error',
      comment: 'What tests need must not ship. Move what the product needs out of test/.',
      from: { path: '^(src|relay|adapters|testing)/' },
      to: { path: '^(test|bench|examples|scripts)/' },
    },
    {
      name: 'no-dev-dependency-in-product',
      severity: 'error',
      comment: 'Users do not have our development dependencies. Make it a dependency or do without.',
      from: { path: '^(src|relay|adapters|testing)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'npm-peer', 'type-only'] },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'A file that nobody imports is dead, or is an entry and should be listed here.',
      from: {
        orphan: true,
        pathNot: [
          '\\.d\\.ts$',
          '^test/',
          '^bench/',
          '^scripts/',
          '^[^/]+\\.(c|m)?[jt]s$',
          '^relay/main\\.ts$',
        ],
      },
      to: {},
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^(dist|coverage)/', '^bench/peers/.+-'] },
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
    reporterOptions: { archi: { collapsePattern: '^(src|relay|adapters)/[^/]+' } },
  },
}
