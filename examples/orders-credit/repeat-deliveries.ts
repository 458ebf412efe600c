import type { Delivery, SubscribeOptions, Transport } from 'waybill/ports'

export interface DeliveryLog {
  /** Called with the message id of each delivery before the consumer sees it. */
  seen(messageId: string): Promise<void>
}

export interface RepeatedDeliveries {
  readonly transport: Transport
  /** How many deliveries were sent back to the queue so far although they had been handled. */
  readonly repeated: number
}

/**
 * Makes each n-th message arrive twice: its first acknowledgement is kept from the broker, as if the process
 * had died between its commit and its answer.
 */
export function repeatDeliveries(
  transport: Transport,
  everyNth: number,
  log: DeliveryLog,
): RepeatedDeliveries {
  let count = 0
  let repeated = 0

  const repeatOnce = (delivery: Delivery): Delivery => {
    count += 1
    if (count % everyNth !== 0 || delivery.redelivered) return delivery
    return {
      ...delivery,
      ack() {
        repeated += 1
        delivery.release()
      },
      deadLetter: () => {
        delivery.deadLetter()
      },
      release: () => {
        delivery.release()
      },
    }
  }

  const subscribe = (options: SubscribeOptions): ReturnType<Transport['subscribe']> =>
    transport.subscribe({
      ...options,
      onDelivery(delivery) {
        log.seen(delivery.envelope?.messageId ?? 'unreadable').then(
          () => {
            options.onDelivery(repeatOnce(delivery))
          },
          // What is not in the log must not be handled either, or the report would be wrong: it comes again.
          () => {
            delivery.release()
          },
        )
      },
    })

  return {
    transport: { ...transport, subscribe },
    get repeated() {
      return repeated
    },
  }
}
