/**
 * What the build makes: the name in dist/ and the source it comes from. The exports map of package.json and the
 * paths of tsconfig.json say the same; a test compares them.
 */
export const DOORS: Readonly<Record<string, string>> = {
  index: 'src/index.ts',
  ports: 'src/ports.ts',
  postgres: 'adapters/postgres/index.ts',
  pg: 'adapters/pg/index.ts',
  knex: 'adapters/knex/index.ts',
  rabbitmq: 'adapters/rabbitmq/index.ts',
  memory: 'adapters/memory/index.ts',
  prometheus: 'adapters/prometheus/index.ts',
  opentelemetry: 'adapters/opentelemetry/index.ts',
  relay: 'relay/index.ts',
  admin: 'relay/admin/index.ts',
  testing: 'testing/index.ts',
  contracts: 'testing/contracts/index.ts',
}

/** The program behind `npx waybill`. */
export const PROGRAM: Readonly<Record<string, string>> = { waybill: 'relay/main.ts' }
