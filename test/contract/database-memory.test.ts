import { databaseContract } from './database.contract.ts'
import { inboxStoreContract } from './inbox-store.contract.ts'
import { memoryContract } from './memory-subject.ts'
import { outboxStatementContract } from './outbox-statement.contract.ts'
import { outboxStoreContract } from './outbox-store.contract.ts'

databaseContract(memoryContract)
outboxStoreContract(memoryContract)
outboxStatementContract(memoryContract)
inboxStoreContract(memoryContract)
