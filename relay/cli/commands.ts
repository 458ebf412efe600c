import type { Command } from './command.ts'
import { auditCommand } from './audit-command.ts'
import { bulkOperationsCommand } from './bulk-operations-command.ts'
import { consumersCommand } from './consumers-command.ts'
import { deadLettersCommand } from './dead-letters-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { healthCommand } from './health-command.ts'
import { migrateCommand } from './migrate-command.ts'
import { relayCommand } from './relay-command.ts'
import { relaysCommand } from './relays-command.ts'
import { statusCommand } from './status-command.ts'
import { topologyCommand } from './topology-command.ts'

/** In the order in which people meet them. */
export const COMMANDS: readonly Command[] = [
  migrateCommand,
  doctorCommand,
  relayCommand,
  statusCommand,
  deadLettersCommand,
  bulkOperationsCommand,
  auditCommand,
  consumersCommand,
  relaysCommand,
  topologyCommand,
  healthCommand,
]
