import type { InboxStore } from '../inbox/inbox-store.ts'
import { definitionOf, exchangeOf } from '../message/catalogue.ts'
import type { ConsumingParts } from './parts.ts'

const AGAIN_MS = 10_000

/**
 * Says what the consumer takes, once it is subscribed: what was published before, nobody can expect it to have. Tries until
 * it works or the signal aborts. Never rejects.
 */
export async function sayTypes<Tx>(
  { consumer, queue, messages, handlers, database, clock, logger }: ConsumingParts<Tx>,
  signal: AbortSignal,
): Promise<void> {
  const types = [...handlers.keys()].map((type) => {
    const definition = definitionOf(messages, type)
    return { type, exchange: exchangeOf(definition), routingKey: definition.routingKey }
  })
  const inbox: Pick<InboxStore<Tx>, 'sayTypes'> = database.inbox
  while (!signal.aborted) {
    try {
      await inbox.sayTypes?.({ consumer, queue, types })
      return
    } catch (error) {
      logger.debug({ error }, 'The database could not be told what this consumer takes.')
      await clock.sleep(AGAIN_MS, { signal })
    }
  }
}
