import { databaseContract } from '../../testing/contracts/database.ts'
import { failureStoreContract } from '../../testing/contracts/failure-store.ts'
import { inboxStoreContract } from '../../testing/contracts/inbox-store.ts'
import { memoryContract } from './memory-subject.ts'
import { outboxStatementContract } from '../../testing/contracts/outbox-statement.ts'
import { outboxStoreContract } from '../../testing/contracts/outbox-store.ts'

databaseContract(memoryContract)
outboxStoreContract(memoryContract)
outboxStatementContract(memoryContract)
inboxStoreContract(memoryContract)
failureStoreContract(memoryContract)
