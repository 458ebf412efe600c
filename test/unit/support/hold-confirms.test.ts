import { expect, it } from 'vitest'
import { holdConfirms } from '../../support/hold-confirms.ts'

/** A method frame of AMQP 0-9-1 on channel 1. */
function frame(classId: number, methodId: number, rest = ''): Buffer {
  const payload = Buffer.alloc(4 + rest.length)
  payload.writeUInt16BE(classId, 0)
  payload.writeUInt16BE(methodId, 2)
  payload.write(rest, 4, 'latin1')
  const header = Buffer.from([1, 0, 1, 0, 0, 0, payload.length])
  return Buffer.concat([header, payload, Buffer.from([0xce])])
}

const [delivery, ack, nack] = [frame(60, 60, 'delivery'), frame(60, 80, '12345678x'), frame(60, 120, 'x')]

it('holds back confirms, however the stream is cut into pieces, and lets them go on in their order', () => {
  const passed: Buffer[] = []
  let held = true
  const confirms = holdConfirms(
    (chunk) => void passed.push(chunk),
    () => held,
  )
  for (const byte of Buffer.concat([ack, delivery, nack, delivery])) confirms.push(Buffer.from([byte]))
  expect(Buffer.concat(passed)).toEqual(Buffer.concat([delivery, delivery]))
  confirms.flush()
  expect(passed).toHaveLength(2)

  held = false
  confirms.push(Buffer.concat([delivery, ack]))
  expect(Buffer.concat(passed.slice(2))).toEqual(Buffer.concat([ack, nack, delivery, ack]))
})
