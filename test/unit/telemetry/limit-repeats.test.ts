import { describe, expect, it } from 'vitest'
import { limitRepeats } from '../../../src/telemetry/limit-repeats.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { recordLog } from '../consuming/setup.ts'

function setup() {
  const { logger, log } = recordLog()
  const clock = createFakeClock()
  return { limited: limitRepeats(logger, clock), log, clock }
}

describe('a logger that limits repeats', () => {
  it('says one reason every 10 seconds, and how many it has left out', async () => {
    const { limited, log, clock } = setup()
    for (let at = 0; at < 25; at += 1) {
      limited.warn({ at }, 'It failed.')
      await clock.advance(1000)
    }
    expect(log.map(({ fields }) => fields)).toEqual([
      { at: 0 },
      { at: 10, suppressed: 9 },
      { at: 20, suppressed: 9 },
    ])
  })

  it('says each reason for itself: sentence, reason, error and level', () => {
    const { limited, log } = setup()
    const gone = Object.assign(new Error('Gone.'), { code: 'ECONNRESET' })
    for (let time = 0; time < 2; time += 1) {
      limited.warn({}, 'It failed.')
      limited.warn({}, 'It failed too.')
      limited.warn({ reason: 'nack' }, 'It failed.')
      limited.warn({ error: new TypeError(`No ${time}.`) }, 'It failed.')
      limited.warn({ error: gone }, 'It failed.')
      limited.error({}, 'It failed.')
    }
    expect(log).toHaveLength(6)
  })

  it('lets what is no trouble pass', () => {
    const { limited, log } = setup()
    for (const say of [limited.debug, limited.debug, limited.info, limited.info]) say({}, 'It goes on.')
    expect(log).toHaveLength(4)
  })

  it('remembers a hundred reasons, and no more', () => {
    const { limited, log } = setup()
    for (let reason = 0; reason <= 100; reason += 1) limited.warn({ reason }, 'It failed.')
    limited.warn({ reason: 100 }, 'It failed.')
    expect(log).toHaveLength(101)
    limited.warn({ reason: 0 }, 'It failed.')
    expect(log).toHaveLength(102)
  })
})
