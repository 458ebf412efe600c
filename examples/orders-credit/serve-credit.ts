import { pgDatabase } from 'waybill/pg'
import { createAgency } from './agency.ts'
import { createOnce } from './create-once.ts'
import { createCreditService, creditTables } from './credit-service.ts'
import { CREDIT_LIMIT, openAccounts } from './customers.ts'
import { QUICK_RETRY } from './retry.ts'
import { runService } from './service-process.ts'

const SCHEMA = 'credit'
const OUTBOX_SCHEMA = 'credit_waybill'

/** Nothing is ever paid back here. One customer soon gets refusals, the others have enough for years. */
const POOR = 3
const limitOf = (customer: number): number => (customer === POOR ? CREDIT_LIMIT : 2_000_000_000)

/** The credit service as a process of its own. */
await runService('credit', async ({ pool, transport, telemetry, logger }) => {
  const database = pgDatabase(pool, { schema: OUTBOX_SCHEMA })
  await createOnce(database, SCHEMA, async (tx) => {
    await tx.query(creditTables(SCHEMA))
    await openAccounts(tx, SCHEMA, limitOf)
  })
  const parts = { schema: SCHEMA, database, transport, retry: QUICK_RETRY, telemetry, logger }
  return createCreditService({ ...parts, ask: createAgency() })
})
