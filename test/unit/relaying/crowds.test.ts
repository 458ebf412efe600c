import { expect, test } from 'vitest'
import { createCrowds } from '../../../relay/upkeep/crowds.ts'

const crowd = (messageId: string, records: number) => ({ lane: 0, messageId, records })

test('a crowd is told of when it forms, when it has doubled, and when it forms anew', () => {
  const crowds = createCrowds()
  const told = (...given: [string, number][]): string[] =>
    crowds.news(given.map(([id, records]) => crowd(id, records))).map(({ messageId }) => messageId)
  expect(told(['a', 1001])).toEqual(['a'])
  expect(told(['a', 1500], ['b', 1200])).toEqual(['b'])
  expect(told(['a', 2001], ['b', 2001])).toEqual([])
  expect(told(['a', 2002], ['b', 2002])).toEqual(['a'])
  expect(told(['b', 2400])).toEqual(['b'])
  expect(told()).toEqual([])
  expect(told(['b', 2400])).toEqual(['b'])
})
