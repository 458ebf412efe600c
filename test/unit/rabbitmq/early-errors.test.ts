import { expect, it } from 'vitest'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import { silentLogger } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { startHastyBroker } from '../../support/hasty-broker.ts'

it('a broker that closes a connection as it opens it is tried again, and ends nobody', async () => {
  await using broker = await startHastyBroker()
  const uncaught: unknown[] = []
  const note = (error: unknown): void => void uncaught.push(error)
  process.on('uncaughtException', note)
  const reasons: string[] = []
  const transport = rabbitmq({
    url: broker.url,
    heartbeatMs: 1_000,
    connectTimeoutMs: 60_000,
    reconnect: { baseMs: 10, maxMs: 20 },
    logger: { ...silentLogger, warn: ({ err }) => void reasons.push(String(err)) },
  })
  const publisher = transport.openPublisher({ onOutcome: () => undefined, onState: () => undefined })
  // Noticed at once, and not when the time to connect is over.
  await eventually(() => broker.closed >= 3, { timeoutMs: 8_000 })
  expect(publisher.state).toBe('connecting')
  expect(reasons[0]).toContain('ended while it was opened')
  await transport.close()
  process.off('uncaughtException', note)
  expect(uncaught).toEqual([])
})
