import type { ClientBase } from 'pg'
import type { Database } from 'waybill'

/** Makes a schema unless it is there. Processes of a service that start at once take turns. */
export async function createOnce(
  database: Database<ClientBase>,
  schema: string,
  create: (tx: ClientBase) => Promise<void>,
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock(hashtext($1))', [schema])
    const { rowCount } = await tx.query('select from pg_namespace where nspname = $1', [schema])
    if (rowCount === 0) await create(tx)
  })
}
