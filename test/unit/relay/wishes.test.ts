import { expect, test } from 'vitest'
import { createWishes } from '../../../relay/upkeep/wishes.ts'
import { silentLogger, type DeadLetterStore } from '../../../src/ports.ts'
import { fakeClock } from '../../../testing/fake-clock.ts'

test('a pause and its end are noticed within two seconds, each once', async () => {
  const clock = fakeClock()
  const asked = { paused: false, bulkDue: false }
  const noticed: [boolean, number][] = []
  const deadLetters: Partial<DeadLetterStore> = {
    wishes: () => Promise.resolve({ ...asked }),
    forget: () => Promise.resolve([]),
  }
  const wishes = createWishes({
    ...{ clock, logger: silentLogger, telemetry: {}, host: 'relay-0' },
    deadLetters: deadLetters as DeadLetterStore,
    onPaused: (paused) => noticed.push([paused, clock.monotonic() - since]),
    onError: () => 1_000,
  })
  let since = clock.monotonic()
  wishes.start()
  for (const paused of [true, false, true]) {
    await clock.advance(5_250)
    since = clock.monotonic()
    asked.paused = paused
  }
  await clock.advance(5_250)
  await wishes.stop()
  expect(noticed.map(([paused]) => paused)).toEqual([true, false, true])
  for (const [, afterMs] of noticed) expect(afterMs).toBeLessThan(2_000)
})
