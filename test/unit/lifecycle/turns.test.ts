import { expect, test } from 'vitest'
import { createTurns } from '../../../src/lifecycle/turns.ts'

test('turns are taken one after the other, in order, also after one that has failed', async () => {
  const turns = createTurns()
  const said: string[] = []
  const take = (name: string, fails = false): Promise<string> =>
    turns.take(async () => {
      said.push(`${name} begins`)
      await Promise.resolve()
      said.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    })
  const settled = await Promise.allSettled([take('one'), take('two', true), take('three')])
  expect(settled).toEqual([
    { status: 'fulfilled', value: 'one' },
    { status: 'rejected', reason: new Error('two') },
    { status: 'fulfilled', value: 'three' },
  ])
  expect(said).toEqual(['one', 'two', 'three'].flatMap((name) => [`${name} begins`, `${name} ends`]))
})
