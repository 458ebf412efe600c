import { expect, it } from 'vitest'
import { memoryDatabase, memoryTransport } from '../../../adapters/memory/index.ts'
import { createRelay, type RelayParts } from '../../../relay/index.ts'
import { isWaybillError } from '../../../src/index.ts'

const database = memoryDatabase()
const transport = memoryTransport()

it.each<[string, unknown, string]>([
  ['nothing', undefined, 'The first argument of createRelay is undefined'],
  ['no database', { transport }, 'Part database of createRelay is undefined'],
  [
    'a pool for a database',
    { database: { query: String }, transport },
    'database of createRelay has no method',
  ],
  ['a database without a relay', { database: { classify: String }, transport }, 'Part database.relay'],
  ['a database that tells no commits', { database: { ...database, committed: {} }, transport }, 'committed'],
  ['no transport', { database }, 'Part transport of createRelay is undefined'],
  ['an address for a transport', { database, transport: 'amqp://localhost' }, 'is a string'],
  ['a misspelt part', { database, transport, loger: console }, '"loger"'],
  ['a logger that is none', { database, transport, logger: {} }, 'Part logger of createRelay has no method'],
  ['a clock that is none', { database, transport, clock: null }, 'Part clock of createRelay is null'],
  ['a host that is no text', { database, transport, host: 7 }, 'Part host of createRelay is a number'],
])('a relay refuses %s, and says what it wants', (_, parts, problem) => {
  try {
    createRelay(parts as RelayParts)
    expect.unreachable()
  } catch (error) {
    if (!isWaybillError(error, 'WAYBILL_OPTION_INVALID')) throw error
    expect(error.message).toContain(problem)
    expect(error.message).toMatch(/Wanted is|Known are/)
  }
})

it('a relay takes its parts with and without what may be left out', () => {
  expect(createRelay({ database, transport }).status().state).toBe('new')
  expect(createRelay({ database, transport, logger: console, host: 'here' }).status().state).toBe('new')
})
