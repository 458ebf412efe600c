import { outboxStoreContract } from './outbox-store.contract.ts'
import { knexContract } from './knex-subject.ts'
import { pgContract } from './pg-subject.ts'

outboxStoreContract(pgContract)
outboxStoreContract(knexContract)
