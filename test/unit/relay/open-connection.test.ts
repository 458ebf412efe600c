import { expect, it } from 'vitest'
import { memoryDatabase, memoryTransport } from '../../../adapters/memory/index.ts'
import { createRelay } from '../../../relay/index.ts'
import { shareTransport } from '../../../relay/share-transport.ts'
import type { PublisherState } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'

it('tells of a connection that was open before the relay began', async () => {
  const transport = shareTransport(memoryTransport())
  const other = transport.openPublisher({ onOutcome: () => undefined, onState: () => undefined })
  await eventually(() => other.state === 'ready')
  const told: PublisherState[] = []
  await using relay = createRelay({
    ...{ database: memoryDatabase(), transport },
    telemetry: { publisher: (state) => told.push(state) },
  })
  await relay.start()
  expect(told).toEqual(['ready'])
})
