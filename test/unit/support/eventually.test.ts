import { expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'

it('resolves with the first fact that is neither false nor undefined', async () => {
  const answers = [undefined, false, 0]
  expect(await eventually(() => answers.shift(), { everyMs: 1 })).toBe(0)
})

it('tries again after a failure, and names the last one when time is up', async () => {
  let tries = 0
  const failing = eventually(
    () => {
      tries += 1
      throw new Error(`Try ${tries}.`)
    },
    { timeoutMs: 40, everyMs: 5 },
  )
  const error: unknown = await failing.catch((reason: unknown) => reason)
  expect(tries).toBeGreaterThan(1)
  expect(error).toMatchObject({ cause: { message: `Try ${tries}.` } })
})

it('does not wait longer for a check that never settles', async () => {
  const hanging = eventually(() => new Promise<boolean>(() => undefined), { timeoutMs: 20 })
  await expect(hanging).rejects.toThrow('within 20 ms')
})
