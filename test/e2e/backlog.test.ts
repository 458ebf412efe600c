import { expect, test } from 'vitest'
import { withSetting } from '../../bench/setting.ts'
import { benchSteady } from '../../bench/steady.ts'
import { MOST_MEMORY_MIB, mostMemoryOf } from './most-memory.ts'

const THE_SHORT_FORM = 0.01

test('messages that have piled up all leave, in the memory that a few need, while vacuum is blocked and a writer stays open', async () => {
  expect(await mostMemoryOf(250_000)).toBeLessThan(MOST_MEMORY_MIB)
})

test('a relay keeps up with a steady stream while vacuum is blocked', async () => {
  const rows = await withSetting(THE_SHORT_FORM, benchSteady)
  expect(rows.map(({ variant }) => variant)).toContain('fetch p99, end to start')
})
