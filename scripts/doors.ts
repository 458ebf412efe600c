import { existsSync } from 'node:fs'

/** What the build makes: the name in dist/ and the source it comes from. The exports map of package.json names the same. */
export const DOORS: Readonly<Record<string, string>> = {
  index: 'src/index.ts',
  ports: 'src/ports.ts',
  postgres: 'adapters/postgres/index.ts',
  pg: 'adapters/pg/index.ts',
  knex: 'adapters/knex/index.ts',
  rabbitmq: 'adapters/rabbitmq/index.ts',
  memory: 'adapters/memory/index.ts',
  relay: 'relay/index.ts',
  testing: 'testing/index.ts',
  waybill: 'relay/main.ts',
}

/**
 * The doors to build. While the package is being written, WAYBILL_BUILD_PARTIAL=1 builds those that exist;
 * otherwise a missing door fails the build.
 */
export function entries(): Record<string, string> {
  if (process.env['WAYBILL_BUILD_PARTIAL'] !== '1') return { ...DOORS }
  return Object.fromEntries(Object.entries(DOORS).filter(([, source]) => existsSync(source)))
}
