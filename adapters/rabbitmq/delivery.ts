import type { Channel, ConsumeMessage } from 'amqplib'
import type { Delivery } from '../../src/ports.ts'
import type { ResolvedOptions } from './options.ts'
import { deliveryCount, readMessage } from './wire-reader.ts'

/** Where a message came from, which is the only place where it can be answered. */
export interface Origin {
  readonly channel: Channel
  /** False once the channel is no longer the one that is consumed from. */
  readonly current: () => boolean
  readonly options: ResolvedOptions
}

export function toDelivery(message: ConsumeMessage, { channel, current, options }: Origin): Delivery {
  const { fields, properties } = message
  let answered = false
  /** Tags begin at 1 on each channel: on another one an answer would be for somebody else's message. */
  const answer = (give: () => void): void => {
    if (answered || !current()) return
    answered = true
    try {
      give()
    } catch (error) {
      options.logger.debug({ err: error }, 'An answer came after the end of its channel.')
    }
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
