import { outboxStoreContract } from '../../testing/contracts/outbox-store.ts'
import { knexContract, knexPreparedContract } from './knex-subject.ts'
import { pgContract, pgPreparedContract } from './pg-subject.ts'

for (const contract of [pgContract, pgPreparedContract]) outboxStoreContract(contract)
for (const contract of [knexContract, knexPreparedContract]) outboxStoreContract(contract)
