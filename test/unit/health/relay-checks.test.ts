import { describe, expect, it } from 'vitest'
import { memoryDatabase, memoryTransport } from '../../../adapters/memory/index.ts'
import { liveChecks, readyChecks } from '../../../relay/health/relay-checks.ts'
import { createRelay } from '../../../relay/relay.ts'
import { createFakeClock } from '../../support/fake-clock.ts'

const WELL = { name: null, state: 'running', alive: true, unready: [], degraded: [] }

describe('the checks of a relay', () => {
  it('are fine when it is', () => {
    expect(liveChecks([WELL])).toEqual([{ name: 'loops', state: 'ok' }])
    expect(readyChecks([WELL])).toEqual([{ name: 'relay', state: 'ok' }])
  })

  it('fail with each reason', () => {
    expect(liveChecks([{ ...WELL, alive: false }])).toMatchObject([{ state: 'failed' }])
    expect(readyChecks([{ ...WELL, unready: ['a', 'b'], degraded: ['c'] }])).toEqual([
      { name: 'relay', state: 'failed', reason: 'a' },
      { name: 'relay', state: 'failed', reason: 'b' },
      { name: 'broker', state: 'degraded', reason: 'c' },
    ])
  })

  it('name the outbox when there are several, and go by those that still work', () => {
    const broken = { ...WELL, name: 'b', state: 'failed', alive: false, unready: ['The relay is failed.'] }
    const both = [{ ...WELL, name: 'a' }, broken]
    expect(liveChecks(both)).toEqual([{ name: 'loops of a', state: 'ok' }])
    expect(liveChecks([broken])).toMatchObject([{ state: 'failed' }])
    expect(readyChecks(both)).toEqual([
      { name: 'relay of a', state: 'ok' },
      { name: 'relay of b', state: 'failed', reason: 'The relay is failed.' },
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
    expect(liveChecks([{ name: null, ...relay.status() }])).toMatchObject([{ state: 'ok' }])
    expect(readyChecks([{ name: null, ...relay.status() }]).map(({ reason }) => reason)).toContain(
      'The database has not answered lately.',
    )
    await relay.stop()
    await started
  })
})
