import { WaybillError } from '../errors.ts'
import { systemClock, type Clock } from '../lifecycle/clock.ts'
import { createMessageIds } from '../message/message-id.ts'
import { createBulk } from './bulk-operations.ts'
import { checkAuditFilter, checkIntent, checkName } from './checks.ts'
import type { DeadLetterStore } from './dead-letter-store.ts'
import { createLetters, type ShownMessage } from './letters.ts'
import type { AuditOperations, DeadLetterOperations } from './operations.ts'
import { readPage } from './pages.ts'
import { createServices } from './services.ts'

export interface OperationsOptions {
  /** A database that keeps dead letters: any of PostgreSQL. */
  readonly database: { readonly deadLetters?: DeadLetterStore | undefined }
  /** Whether messages may be edited and replayed. @defaultValue `false` */
  readonly editing?: boolean
  /** Makes unreadable what operators must not see; given each message before it is shown. @defaultValue all is shown */
  readonly redact?: (message: ShownMessage) => Pick<ShownMessage, 'headers' | 'payload'>
  readonly clock?: Clock
}

/**
 * What operators do with messages that got stuck. Knows nothing of who may do what: that is for the caller to decide.
 * @throws WaybillError WAYBILL_UNSUPPORTED when the database keeps no dead letters.
 */
export function createOperations(options: OperationsOptions): DeadLetterOperations {
  const { deadLetters: store } = options.database
  if (store === undefined) {
    throw new WaybillError('WAYBILL_UNSUPPORTED', {
      problem: 'This database keeps no dead letters.',
      wanted: 'Wanted is one of PostgreSQL, such as pgDatabase makes.',
    })
  }
  const clock = options.clock ?? systemClock
  return {
    letters: createLetters({
      store,
      messageIds: createMessageIds(() => clock.now()),
      editing: options.editing ?? false,
      redact: options.redact,
    }),
    bulk: createBulk(store),
    services: createServices(store),
    audit: auditOf(store),
    messages: {
      async byId(messageId) {
        checkName('The message id', messageId)
        return store.message(messageId)
      },
      async conversation(correlationId) {
        checkName('The correlation id', correlationId)
        return store.conversation(correlationId)
      },
    },
  }
}

function auditOf(store: DeadLetterStore): AuditOperations {
  return {
    async list(filter, page = {}) {
      const checked = checkAuditFilter(filter)
      const scope = { list: 'audit', about: { ...checked }, shape: ['whole'] as const }
      return readPage(scope, page, (cut) => store.audit(checked, cut))
    },
    async denied({ by, action, target, reason }) {
      checkIntent({ by, reason })
      await store.change((changes) =>
        changes.note([{ by, action, target, outcome: 'denied', reason, details: {} }]),
      )
    },
  }
}
