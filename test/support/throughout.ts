import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_EVERY_MS = 20

/**
 * Proves an absence, which only time can: looks for `ms` milliseconds whether `check` still holds, and fails with what
 * it throws. Where there is a fact to wait for, `eventually` is faster and surer.
 */
export async function throughout(ms: number, check: () => unknown): Promise<void> {
  const end = performance.now() + ms
  do {
    await check()
    await sleep(LOOK_EVERY_MS)
  } while (performance.now() < end)
  await check()
}
