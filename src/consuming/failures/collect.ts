import type { Clock } from '../../lifecycle/clock.ts'
import { knownType, tellHandled, type SettleParts } from '../settle.ts'
import type { FailureReason } from '../../retry/failure-reason.ts'
import type { Delivery } from '../../transport/transport.ts'
import type { FailureStore, NewFailure } from './failure-store.ts'
import { toKeep, type KeepingParts } from './keeper.ts'
import { withinLimit } from './within-limit.ts'

export interface CollectParts<Tx> extends KeepingParts, SettleParts {
  readonly store: Pick<FailureStore<Tx>, 'record'>
  readonly clock: Clock
  /** For how long the consumer remembers what it has handled. */
  readonly inboxRetentionMs: number
}

const COLLECT_LIMIT_MS = 30_000
/** Clocks of senders may be ahead by so much. */
const AHEAD_MS = 3_600_000

/**
 * Keeps what the broker has given up as a dead letter, unless the consumer has handled or keeps it already.
 * Rejects when the database does not.
 */
export async function collect<Tx>(parts: CollectParts<Tx>, delivery: Delivery): Promise<void> {
  const reason = await withinLimit(parts.watches, COLLECT_LIMIT_MS, record(parts, delivery))
  const type = knownType(parts.messages, { delivery })
  const { envelope, unread, exchange, routingKey } = delivery
  const messageId = envelope?.messageId ?? unread?.messageId
  if (reason === null) {
    tellHandled(parts, { delivery, handling: null }, { outcome: 'duplicate', durationMs: 0 })
    parts.logger.debug({ messageId }, 'The broker has given up a message that was handled or is kept.')
    return
  }
  parts.telemetry.kept?.(parts.consumer, type, { reason, state: 'dead', errorType: null })
  const fields = { messageId, type: envelope?.type ?? unread?.type, exchange, routingKey, reason }
  parts.logger.error(fields, 'The broker has given a message up; it has become a dead letter.')
}

/** @returns why it is kept; null when it is known. */
async function record<Tx>(parts: CollectParts<Tx>, delivery: Delivery): Promise<FailureReason | null> {
  const reason = delivery.death?.reason ?? 'rejected'
  const result = await parts.store.record(await failureOf(parts, delivery, { reason, isOther: false }))
  if (result === 'known') return null
  if (result === 'recorded') return reason
  const other = await failureOf(parts, delivery, { reason: 'conflict', isOther: true })
  return (await parts.store.record(other)) === 'recorded' ? 'conflict' : null
}

async function failureOf<Tx>(
  parts: CollectParts<Tx>,
  delivery: Delivery,
  { reason, isOther }: { readonly reason: FailureReason; readonly isOther: boolean },
): Promise<NewFailure> {
  const { message, entry } = await toKeep(parts, delivery, isOther)
  const blocking = entry.key !== undefined && parts.settings.onDead === 'block-key'
  return {
    ...{ message, entry, by: parts.instance },
    fate: { state: { kind: 'dead' }, reason, blocking, error: null, triedMs: null, trace: null },
    uncertain: isUncertain(parts, delivery),
  }
}

/** It may have been handled before what the inbox remembers. */
function isUncertain<Tx>({ clock, inboxRetentionMs }: CollectParts<Tx>, { death }: Delivery): boolean {
  const writtenAt = death?.writtenAt ?? null
  if (writtenAt === null) return true
  const ageMs = clock.now() - writtenAt
  return ageMs < -AHEAD_MS || ageMs >= inboxRetentionMs
}
