import { inboxStoreContract } from './inbox-store.contract.ts'
import { knexContract } from './knex-subject.ts'
import { pgContract } from './pg-subject.ts'

inboxStoreContract(pgContract)
inboxStoreContract(knexContract)
