import { outboxStatementContract } from './outbox-statement.contract.ts'
import { knexContract } from './knex-subject.ts'
import { pgContract } from './pg-subject.ts'

outboxStatementContract(pgContract)
outboxStatementContract(knexContract)
