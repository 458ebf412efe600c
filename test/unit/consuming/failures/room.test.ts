import { expect, test } from 'vitest'
import { createRoom } from '../../../../src/consuming/failures/room.ts'

test('what has failed has half of the places, keys that catch up have all but one', () => {
  const room = createRoom(8)
  expect(room.free()).toBe(4)
  const failed = [room.enter(), room.enter(), room.enter(), room.enter()]
  expect(room.free()).toBe(0)
  for (const guest of failed) guest.catchUp()
  expect(room.free()).toBe(3)
  for (let n = 0; n < 3; n += 1) room.enter()
  expect(room.free()).toBe(0)
  expect(room.running).toBe(7)
  failed[0]?.leave()
  expect(room.free()).toBe(1)
})

test.each([1, 2])('where %i may run at a time, one kept message may', (concurrency) => {
  const room = createRoom(concurrency)
  expect(room.free()).toBe(1)
  const guest = room.enter()
  guest.catchUp()
  guest.catchUp()
  expect(room.free()).toBe(0)
  guest.leave()
  expect(room.free()).toBe(1)
})
