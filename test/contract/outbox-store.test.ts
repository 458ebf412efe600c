import { outboxStoreContract } from '../../testing/contracts/outbox-store.ts'
import { knexContract } from './knex-subject.ts'
import { pgContract } from './pg-subject.ts'

outboxStoreContract(pgContract)
outboxStoreContract(knexContract)
