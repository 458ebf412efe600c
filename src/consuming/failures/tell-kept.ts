import { knownType, type SettleParts } from '../settle.ts'
import type { FailedVerdict, Work } from '../verdict.ts'
import type { FailureFate } from './failure-store.ts'

/** Tells and logs what becomes of a message that could not be handled. */
export function tellKept(
  parts: SettleParts,
  work: Work,
  { failed, fate }: { readonly failed: FailedVerdict; readonly fate: FailureFate },
): void {
  const { envelope, unread, exchange, routingKey } = work.delivery
  const { state, reason } = fate
  const errorType = failed.error === undefined ? null : (fate.error?.type ?? null)
  const type = knownType(parts.messages, work)
  parts.telemetry.kept?.(parts.consumer, type, { reason, state: state.kind, errorType })
  const fields = {
    ...{ messageId: envelope?.messageId ?? unread?.messageId, type: envelope?.type ?? unread?.type },
    ...{ key: envelope?.key, exchange, routingKey, attempts: (work.claimed?.attempts ?? 0) + 1 },
    ...{ correlationId: envelope?.correlationId, ...work.handling?.ids },
    ...{ reason, text: failed.text, error: failed.error },
  }
  if (state.kind === 'dead') {
    parts.logger.error(fields, 'A message has become a dead letter.')
  } else if (reason === 'suspect') {
    parts.logger.warn(fields, 'A message came back without an answer; it is tried apart from others.')
  } else {
    const retryInMs = Math.round(state.afterMs)
    parts.logger.warn({ ...fields, retryInMs }, 'A message has failed; it is tried again.')
  }
}
