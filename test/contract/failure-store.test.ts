import { failureStoreContract } from '../../testing/contracts/failure-store.ts'
import { knexContract } from './knex-subject.ts'
import { pgContract } from './pg-subject.ts'

failureStoreContract(pgContract)
failureStoreContract(knexContract)
