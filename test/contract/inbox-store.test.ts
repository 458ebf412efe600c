import { inboxStoreContract } from '../../testing/contracts/inbox-store.ts'
import { knexContract } from './knex-subject.ts'
import { pgContract } from './pg-subject.ts'

inboxStoreContract(pgContract)
inboxStoreContract(knexContract)
