import { databaseContract } from './database.contract.ts'
import { knexContract } from './knex-subject.ts'
import { pgContract } from './pg-subject.ts'

databaseContract(pgContract)
databaseContract(knexContract)
