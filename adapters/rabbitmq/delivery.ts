import type { Channel, ConsumeMessage, GetMessage } from 'amqplib'
import type { Delivery, Envelope } from '../../src/ports.ts'
import { readDeath } from './death.ts'
import type { ResolvedOptions } from './options.ts'
import { deliveryCount, readMessage } from './wire-reader.ts'

export interface DeliverySurroundings {
  /** Where the message came from, which is the only place where it can be answered. */
  readonly channel: Channel
  readonly options: ResolvedOptions
  readonly onAnswered: () => void
  readonly isDeadLetter: boolean
}

export function toDelivery(
  message: GetMessage | ConsumeMessage,
  { channel, options, onAnswered, isDeadLetter }: DeliverySurroundings,
): Delivery {
  const { fields } = message
  let answered = false
  /**
   * Tags begin at 1 on each channel, so on another one an answer would be for somebody else's message. On one that is
   * gone amqplib throws: the broker has taken the message back and will bring it again.
   */
  const answer = (give: () => void): void => {
    if (answered) return
    answered = true
    try {
      give()
    } catch (error) {
      options.logger.debug({ err: error }, 'An answer came after the end of its channel.')
    }
    onAnswered()
  }
  const receivedAt = options.clock.now()
  const read = readMessage(message, receivedAt)
  const dead = isDeadLetter ? readDeath(message, writtenAt(read.envelope, receivedAt)) : null
  return {
    ...read,
    ...(dead ?? { exchange: fields.exchange, routingKey: fields.routingKey }),
    redelivered: fields.redelivered,
    deliveryCount: deliveryCount(message),
    ack: () => {
      answer(() => {
        channel.ack(message)
      })
    },
    deadLetter: () => {
      answer(() => {
        channel.nack(message, false, false)
      })
    },
    release: () => {
      answer(() => {
        channel.nack(message, false, true)
      })
    },
  }
}

/** A message that does not say when it was written counts as written when it arrived. */
function writtenAt(envelope: Envelope | null, receivedAt: number): number | null {
  return envelope === null || envelope.createdAt === receivedAt ? null : envelope.createdAt
}
