import type { Actor } from '../dead-letters/intent.ts'
import { WaybillError } from '../errors.ts'
import type { NotedMessage } from './conservation-store.ts'
import type { AuditedDatabase } from './options.ts'

/** What an audit has found missing, each message once, under the first consumer that it is missing from. */
export interface Missing {
  /** For the option `onMissing`. */
  readonly add: (consumer: string, messages: readonly NotedMessage[]) => void
  readonly size: number
  byConsumer(): ReadonlyMap<string, readonly NotedMessage[]>
}

export function createMissing(): Missing {
  const found = new Map<string, { readonly consumer: string; readonly message: NotedMessage }>()
  return {
    add(consumer, messages) {
      for (const message of messages) {
        if (!found.has(message.messageId)) found.set(message.messageId, { consumer, message })
      }
    },
    get size() {
      return found.size
    },
    byConsumer() {
      const lists = new Map<string, NotedMessage[]>()
      for (const { consumer, message } of found.values()) {
        lists.set(consumer, [...(lists.get(consumer) ?? []), message])
      }
      return lists
    },
  }
}

export interface WriteMissing {
  readonly producer: AuditedDatabase
  readonly missing: Missing
  readonly by: Actor
  readonly reason?: string | undefined
  /** Refuses when it is another number by now. */
  readonly expect?: number | undefined
}

/** As audit events name it. */
const ACTION = 'conservation.replay'
const BATCH = 500

/**
 * Writes again what is missing, as it was and with its message ids: consumers that have handled a message take it for a
 * duplicate. It takes its place in the outbox now, behind what was written meanwhile, also of its key. Each batch is one
 * transaction, with an audit event. @returns how many were written: those that are in the outbox or parked by now are not.
 *
 * @throws WaybillError WAYBILL_COUNT_CHANGED, and then nothing was written
 */
export async function writeMissing({ producer, missing, by, reason, expect }: WriteMissing): Promise<number> {
  const { conservation: store } = producer
  if (expect !== undefined && expect !== missing.size) {
    throw new WaybillError('WAYBILL_COUNT_CHANGED', {
      problem: `${String(missing.size)} messages are missing, not ${String(expect)}.`,
      remedy: 'Look again before you decide.',
    })
  }
  let written = 0
  for (const [consumer, messages] of missing.byConsumer()) {
    for (let n = 0; n < messages.length; n += BATCH) {
      const batch = messages.slice(n, n + BATCH)
      const details = { messageIds: batch.map(({ messageId }) => messageId) }
      const event = { action: ACTION, target: `consumer ${consumer}`, outcome: 'done' } as const
      written += (await store?.writeAgain(batch, { ...event, by, reason: reason ?? null, details })) ?? 0
    }
  }
  return written
}
