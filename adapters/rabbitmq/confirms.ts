import type { OutgoingMessage } from '../../src/ports.ts'

/** A message that the broker has not answered for. */
export interface InFlight {
  readonly message: OutgoingMessage
  /** When it was sent, by the publisher's own count of time. */
  readonly sentAt: number
  /** The broker has said that no queue takes it; its confirm is still to come. */
  returned: boolean
}

/**
 * What is in flight on one confirm channel. AMQP counts the messages of a channel from 1 and confirms by that tag,
 * alone or all up to it; it returns unroutable ones by nothing but their content, so that no two messages with the
 * same id may be in flight.
 */
export interface Confirms {
  readonly size: number
  /** When the oldest one was sent. */
  readonly oldestSentAt: number | null
  has(messageId: string): boolean
  /** To be called for each message that was sent, in their order. */
  add(message: OutgoingMessage, sentAt: number): void
  markReturned(messageId: unknown): void
  /** Takes out those that an answer is for. */
  take(answer: { readonly deliveryTag: number; readonly multiple: boolean }): InFlight[]
  /** Takes out all. */
  takeAll(): InFlight[]
}

export function createConfirms(): Confirms {
  const byTag = new Map<number, InFlight>()
  const byId = new Map<string, InFlight>()
  let lastTag = 0

  const remove = (tag: number, entry: InFlight): InFlight => {
    byTag.delete(tag)
    byId.delete(entry.message.messageId)
    return entry
  }
  return {
    get size() {
      return byTag.size
    },
    get oldestSentAt() {
      for (const { sentAt } of byTag.values()) return sentAt
      return null
    },
    has: (messageId) => byId.has(messageId),
    add: (message, sentAt) => {
      lastTag += 1
      const entry: InFlight = { message, sentAt, returned: false }
      byTag.set(lastTag, entry)
      byId.set(message.messageId, entry)
    },
    markReturned: (messageId) => {
      const entry = typeof messageId === 'string' ? byId.get(messageId) : undefined
      if (entry !== undefined) entry.returned = true
    },
    take: ({ deliveryTag, multiple }) => {
      if (!multiple) {
        const entry = byTag.get(deliveryTag)
        return entry === undefined ? [] : [remove(deliveryTag, entry)]
      }
      const taken: InFlight[] = []
      for (const [tag, entry] of byTag) {
        // Tag 0 with `multiple` means all (AMQP 0-9-1, basic.ack).
        if (tag > deliveryTag && deliveryTag !== 0) break
        taken.push(remove(tag, entry))
      }
      return taken
    },
    takeAll: () => {
      const all = [...byTag.values()]
      byTag.clear()
      byId.clear()
      return all
    },
  }
}
