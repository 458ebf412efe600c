import { expect, it } from 'vitest'
import { memoryDatabase } from '../../../adapters/memory/index.ts'
import { createRelay } from '../../../relay/index.ts'
import { createOutbox, defineMessages, messageType } from '../../../src/index.ts'
import type { OutgoingMessage, PublisherListener, RelayBeat, Transport } from '../../../src/ports.ts'
import { fakeClock } from '../../../testing/fake-clock.ts'
import { eventually } from '../../support/eventually.ts'

const messages = defineMessages({ test: messageType<number>() }, { source: 'tests' })

/** Takes messages and answers none, until it is reset. */
function silentTransport(): Transport {
  const taken: OutgoingMessage[] = []
  const openPublisher = ({ onOutcome }: PublisherListener): ReturnType<Transport['openPublisher']> => ({
    state: 'ready',
    publish: (message) => void taken.push(message),
    reset() {
      const error = new Error('The connection was reset.')
      for (const message of taken.splice(0)) onOutcome(message, { kind: 'unknown', error })
    },
    close: () => Promise.resolve(),
  })
  return {
    openPublisher,
    subscribe: () => Promise.reject(new Error('Nobody consumes here.')),
    close: () => Promise.resolve(),
  }
}

it('tells at its end that nothing is in flight any more, without another beat', async () => {
  const clock = fakeClock()
  const database = memoryDatabase({ clock })
  const outbox = createOutbox({ source: 'tests', messages, database, clock })
  await database.transaction((tx) => outbox.write(tx, { type: 'test', payload: 1 }))
  const told: RelayBeat[] = []
  const relay = createRelay(
    { database, transport: silentTransport(), clock, telemetry: { relay: (beat) => void told.push(beat) } },
    { confirmTimeoutMs: 50, heartbeatMs: 0 },
  )
  const started = relay.start()
  await eventually(async () => {
    await clock.advance(10)
    return told.at(-1)?.inFlight === 1
  })
  await started
  const beats = told.length
  const stopped = relay.stop()
  await clock.advance(50)
  await stopped
  expect(told.slice(beats).map(({ inFlight }) => inFlight)).toEqual([0])
})
