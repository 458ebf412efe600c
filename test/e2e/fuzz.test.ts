import { expect, it } from 'vitest'
import { startChild } from '../support/child.ts'

it('a minute of writers and relays in trouble loses, repeats, reorders and invents nothing', async () => {
  await using fuzz = startChild('test/fuzz/main.ts', { args: ['--minutes', '1', '--json'] })
  const { code } = await fuzz.exited
  expect(code, fuzz.output).toBe(0)
})
