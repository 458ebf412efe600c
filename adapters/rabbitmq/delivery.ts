import type { Channel, ConsumeMessage, GetMessage } from 'amqplib'
import type { Delivery } from '../../src/ports.ts'
import type { ResolvedOptions } from './options.ts'
import { deliveryCount, readMessage } from './wire-reader.ts'

export interface DeliverySurroundings {
  /** Where the message came from, which is the only place where it can be answered. */
  readonly channel: Channel
  readonly options: ResolvedOptions
  readonly onAnswered: () => void
}

export function toDelivery(
  message: GetMessage | ConsumeMessage,
  { channel, options, onAnswered }: DeliverySurroundings,
): Delivery {
  const { fields, properties } = message
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
  return {
    ...readMessage(message, options.clock.now()),
    exchange: fields.exchange,
    routingKey: fields.routingKey,
    redelivered: fields.redelivered,
    deliveryCount: deliveryCount(properties.headers),
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
