import { describe, expect, it } from 'vitest'
import { memoryDatabase, memoryTransport } from '../../../adapters/memory/index.ts'
import { liveChecks, readyChecks } from '../../../relay/health/relay-checks.ts'
import { createRelay } from '../../../relay/relay.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

const WELL = { alive: true, unready: [], degraded: [] }

describe('the checks of a relay', () => {
  it('are fine when it is', () => {
    expect(liveChecks(WELL)).toEqual([{ name: 'loops', state: 'ok' }])
    expect(readyChecks(WELL)).toEqual([{ name: 'relay', state: 'ok' }])
  })

  it('fail with each reason', () => {
    expect(liveChecks({ ...WELL, alive: false })).toMatchObject([{ state: 'failed' }])
    expect(readyChecks({ ...WELL, unready: ['a', 'b'], degraded: ['c'] })).toEqual([
      { name: 'relay', state: 'failed', reason: 'a' },
      { name: 'relay', state: 'failed', reason: 'b' },
      { name: 'broker', state: 'degraded', reason: 'c' },
    ])
  })

  it('find a relay alive and not ready for as long as its database is away', async () => {
    const clock = createFakeClock()
    const database = memoryDatabase()
    const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const relay = createRelay({
      database: {
        ...database,
        relay: { ...database.relay, meta: () => Promise.reject(away) },
        classify: () => 'infrastructure',
      },
      transport: memoryTransport(),
      clock,
    })
    const started = relay.start().catch(() => undefined)
    await clock.advance(300_000)
    expect(liveChecks(relay.status())).toMatchObject([{ state: 'ok' }])
    expect(readyChecks(relay.status()).map(({ reason }) => reason)).toContain(
      'The database has not answered lately.',
    )
    await relay.stop()
    await started
  })
})
