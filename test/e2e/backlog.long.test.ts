import { expect, test } from 'vitest'
import { MOST_MEMORY_MIB, mostMemoryOf } from './most-memory.ts'

/** A machine that is busy with other things may need minutes for a million. */
const TWENTY_MINUTES = { timeout: 1_200_000 }

test('a million messages leave in the memory that a few need', TWENTY_MINUTES, async () => {
  expect(await mostMemoryOf(1_000_000)).toBeLessThan(MOST_MEMORY_MIB)
})
