import { WaybillError } from '../errors.ts'
import { systemClock, type Clock } from '../lifecycle/clock.ts'
import { createMessageIds } from '../message/message-id.ts'
import { createBulk } from './bulk-operations.ts'
import type { ChangeParts } from './change.ts'
import { checkAuditFilter, checkIntent, checkName } from './checks.ts'
import type { DeadLetterStore } from './dead-letter-store.ts'
import { createLetters, type ShownMessage } from './letters.ts'
import type { AuditOperations, DeadLetterOperations } from './operations.ts'
import { readPage } from './pages.ts'
import { auditedAs } from './rules.ts'
import { createServices } from './services.ts'
import { listenTo, type TelemetryOption } from '../telemetry/listen.ts'
import { silentLogger } from '../telemetry/logger.ts'

export interface OperationsOptions {
  /** A database that keeps dead letters: any of PostgreSQL. */
  readonly database: { readonly deadLetters?: DeadLetterStore | undefined }
  /** Whether messages may be edited and replayed. @defaultValue `false` */
  readonly editing?: boolean
  /** Makes unreadable what operators must not see; given each message before it is shown. @defaultValue all is shown */
  readonly redact?: (message: ShownMessage) => Pick<ShownMessage, 'headers' | 'payload'>
  readonly clock?: Clock
  /** What listens to what operators do, such as metrics. Default: nothing. */
  readonly telemetry?: TelemetryOption | undefined
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
  const telemetry = listenTo(options.telemetry, silentLogger)
  telemetry.operations?.(ACTIONS)
  const parts = { store, telemetry }
  return {
    letters: createLetters({
      ...parts,
      messageIds: createMessageIds(() => clock.now()),
      editing: options.editing ?? false,
      redact: options.redact,
    }),
    bulk: createBulk(parts),
    services: createServices(parts),
    audit: auditOf(parts),
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

/** All that operators change, as the audit names it. */
const ACTIONS: readonly string[] = [
  ...(['replay', 'replay-edited', 'discard', 'restore'] as const).map((action) => auditedAs(action)),
  ...['start', 'pause', 'resume', 'cancel'].map((action) => `bulk-operations.${action}`),
  ...['consumers.pause', 'consumers.resume', 'consumers.rename', 'relays.pause', 'relays.resume'],
]

function auditOf({ store, telemetry }: ChangeParts): AuditOperations {
  return {
    async list(filter, page = {}) {
      const checked = checkAuditFilter(filter)
      const scope = { list: 'audit', about: { ...checked }, shape: ['whole'] as const }
      return readPage(scope, page, (cut) => store.audit(checked, cut))
    },
    async denied({ by, action, target, reason }) {
      checkIntent({ by, reason })
      telemetry.action?.(action, 'denied')
      await store.change((changes) =>
        changes.note([{ by, action, target, outcome: 'denied', reason, details: {} }]),
      )
    },
  }
}
