import { outboxStatementContract } from '../../testing/contracts/outbox-statement.ts'
import { knexContract } from './knex-subject.ts'
import { pgContract } from './pg-subject.ts'

outboxStatementContract(pgContract)
outboxStatementContract(knexContract)
