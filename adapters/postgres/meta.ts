import { WaybillError, type OutboxMeta } from '../../src/ports.ts'
import { explainMissingSchema } from './error-code.ts'
import { identifier } from './identifier.ts'
import { SCHEMA_VERSION } from './schema-version.ts'
import type { SqlExecutor, SqlText } from './sql-executor.ts'
import { liveCluster } from './statements/cluster.ts'
import { meta } from './statements/meta.ts'

export interface MetaOptions {
  /** Whether a schema that this code cannot work with is an error. */
  readonly check: boolean
}

export type MetaReader = (executor: SqlExecutor, options: MetaOptions) => Promise<OutboxMeta>

export function createMetaReader(schema: string): MetaReader {
  const quoted = identifier(schema)
  return async (executor, { check }) => {
    const row = await readRow(executor, { statement: meta(quoted), schema })
    const facts = {
      schemaVersion: Number(row[0]),
      minCompatible: Number(row[1]),
      lanes: Number(row[2]),
      installId: row[3] ?? '',
    }
    if (check) refuseOthers(facts, schema)
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

type Versions = Pick<OutboxMeta, 'schemaVersion' | 'minCompatible'>

function refuseOthers({ schemaVersion, minCompatible }: Versions, schema: string): void {
  if (minCompatible > SCHEMA_VERSION) {
    throw new WaybillError('WAYBILL_SCHEMA_TOO_NEW', {
      problem: `Schema "${schema}" has version ${String(schemaVersion)}, which supports code from version ${String(minCompatible)} on.`,
      wanted: `This code is of version ${String(SCHEMA_VERSION)}.`,
      remedy: 'Use a newer release of the package.',
    })
  }
  if (schemaVersion < SCHEMA_VERSION) {
    throw new WaybillError('WAYBILL_SCHEMA_TOO_OLD', {
      problem: `Schema "${schema}" has version ${String(schemaVersion)}.`,
      wanted: `This code needs version ${String(SCHEMA_VERSION)}.`,
      remedy: 'Run `waybill migrate` with this release of the package.',
    })
  }
}
