import { databaseContract } from '../../testing/contracts/database.ts'
import { knexContract } from './knex-subject.ts'
import { pgContract } from './pg-subject.ts'

databaseContract(pgContract)
databaseContract(knexContract)
