import { expect, test } from 'vitest'
import { drain } from '../../bench/backlog.ts'
import { declareQueue } from '../../bench/relay.ts'
import { withSetting } from '../../bench/setting.ts'
import { benchSteady } from '../../bench/steady.ts'

/** Beside what a process takes that has just started. */
const MOST_MEMORY_MIB = 300
const THE_SHORT_FORM = 0.01
/** A machine that is busy with other things may need minutes for a million. */
const TEN_MINUTES = { timeout: 600_000 }

test(
  'a million messages that have piled up all leave, in the memory that a few need, while vacuum is blocked and a writer stays open',
  TEN_MINUTES,
  async () => {
    const { memory } = await withSetting(1, async (setting) => {
      const channel = await declareQueue(setting, 100)
      const drained = await drain(setting, { records: 1_000_000, bytes: 250 })
      await channel.close()
      return drained
    })
    expect(memory).toBeLessThan(MOST_MEMORY_MIB)
  },
)

test('a relay keeps up with a steady stream while vacuum is blocked', async () => {
  const rows = await withSetting(THE_SHORT_FORM, benchSteady)
  expect(rows.map(({ variant }) => variant)).toContain('fetch p99, end to start')
})
