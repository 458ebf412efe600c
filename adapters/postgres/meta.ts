import { WaybillError, type OutboxMeta } from '../../src/ports.ts'
import { explainMissingSchema } from './error-code.ts'
import { identifier } from './identifier.ts'
import { refuseNewer, refuseOlder, type Release } from './release.ts'
import { SCHEMA_VERSION } from './schema-version.ts'
import type { SqlExecutor, SqlText } from './sql-executor.ts'
import { liveCluster } from './statements/cluster.ts'
import { meta } from './statements/meta.ts'

export interface MetaOptions {
  /** Whether a schema that this code cannot work with is an error. */
  readonly check: boolean
}

export type MetaReader = (executor: SqlExecutor, options: MetaOptions) => Promise<OutboxMeta>

export function createMetaReader(release: Release): MetaReader {
  const { schema, codeVersion = SCHEMA_VERSION } = release
  const quoted = identifier(schema)
  return async (executor, { check }) => {
    const row = await readRow(executor, { statement: meta(quoted), schema })
    const facts = {
      codeVersion,
      schemaVersion: Number(row[0]),
      minCompatible: Number(row[1]),
      lanes: Number(row[2]),
      installId: row[3] ?? '',
    }
    if (check) {
      refuseNewer(facts, release)
      refuseOlder(facts, release)
    }
    const [live = []] = await executor.query(liveCluster(quoted))
    return { ...facts, cluster: { systemIdentifier: live[0] ?? '', timeline: Number(live[1]) } }
  }
}

async function readRow(
  executor: SqlExecutor,
  { statement, schema }: { readonly statement: string; readonly schema: string },
): Promise<readonly SqlText[]> {
  let rows: readonly (readonly SqlText[])[]
  try {
    rows = await executor.query(statement)
  } catch (error) {
    throw explainMissingSchema(error, schema)
  }
  if (rows[0] !== undefined) return rows[0]
  throw new WaybillError('WAYBILL_SCHEMA_MISSING', {
    problem: `Schema "${schema}" says nothing about itself: its table "meta" is empty.`,
    remedy: 'Restore the row, or create the schema anew with `waybill migrate`.',
  })
}
