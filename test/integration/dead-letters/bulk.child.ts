import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOperations } from '../../../src/ports.ts'

/** Works on bulk operations until there is none, or until it is killed. */
const pool = new pg.Pool({ connectionString: process.env['BULK_DATABASE_URL'], max: 2 })
const { bulk } = createOperations({ database: pgDatabase(pool) })
process.stdout.write('started\n')
for (;;) {
  const wait = await bulk.work()
  if (wait === null) break
  await sleep(wait)
}
await pool.end()
process.stdout.write('ended\n')
