import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LANE_COUNT, laneOf } from '../../../src/message/lane.ts'
import { anyText } from './any-text.ts'

test('the lane of a key never changes, as records at rest lie in it', () => {
  // The check value of CRC-32 is 0xCBF43926 for "123456789".
  expect(laneOf('123456789', 'any')).toBe(0xcbf43926 % LANE_COUNT)
  expect(laneOf('é', 'any')).toBe(laneOf('é', 'other'))
})

test('a record without a key lies in the lane of its message id', () => {
  expect(laneOf(null, '123456789')).toBe(0xcbf43926 % LANE_COUNT)
})

test('every key has one of the lanes', () => {
  fc.assert(
    fc.property(anyText, (key) => {
      const lane = laneOf(key, 'any')
      return Number.isInteger(lane) && lane >= 0 && lane < LANE_COUNT
    }),
  )
})

test('keys such as services use are spread over all lanes', () => {
  const lanes = new Set(Array.from({ length: 1000 }, (_, index) => laneOf(`order-${String(index)}`, 'any')))
  expect(lanes.size).toBe(LANE_COUNT)
})
