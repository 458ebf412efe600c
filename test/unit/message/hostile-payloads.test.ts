import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { isWaybillError } from '../../../src/errors.ts'
import { defineMessages } from '../../../src/message/catalogue.ts'
import { decodeMessage } from '../../../src/message/decode.ts'
import { messageType } from '../../../src/message/message-type.ts'
import { parseExactJson } from '../../../src/message/read-json.ts'
import { anyBody } from '../../support/hostile.ts'

const messages = defineMessages({
  plain: messageType<unknown>(),
  checked: z.object({ orderId: z.string() }),
})

async function readAs(type: 'plain' | 'checked', body: Buffer): Promise<unknown> {
  const message = await decodeMessage(messages, {
    ...{ messageId: 'm', type, source: null, version: 1, key: null, correlationId: null, causationId: null },
    ...{ createdAt: 0, contentType: 'application/json', headers: {}, body },
  })
  return message.payload
}

test('a body is read as it was sent, or refused with a reason that repeats nothing of it', () => {
  fc.assert(
    fc.property(anyBody, (body) => {
      let value: unknown
      try {
        value = parseExactJson(body)
      } catch (error) {
        expect((error as Error).message).toMatch(/^(it |an object has two|the number at )[a-zA-Z0-9 -]+\.$/)
        return
      }
      expect(JSON.stringify(value)).toBe(
        JSON.stringify(JSON.parse(body.toString('utf8').replace(/^\uFEFF/, ''))),
      )
    }),
    { numRuns: 3_000 },
  )
})

test('a handler gets what was sent or nothing at all, and no object gets anything beside it', async () => {
  await fc.assert(
    fc.asyncProperty(anyBody, fc.constantFrom('plain', 'checked'), async (body, type) => {
      try {
        await readAs(type, body)
      } catch (error) {
        expect(isWaybillError(error)).toBe(true)
      }
      expect(Object.keys({})).toEqual([])
      expect('polluted' in {}).toBe(false)
    }),
    { numRuns: 1_000 },
  )
})

test('names that objects have are names like others', async () => {
  const text = '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"orderId":"o"}'
  const payload = (await readAs('plain', Buffer.from(text))) as object
  expect(JSON.stringify(payload)).toBe(text)
  expect(Object.getPrototypeOf(payload)).toBe(Object.prototype)
  expect([Object.hasOwn(payload, '__proto__'), 'admin' in payload]).toEqual([true, false])
  expect(await readAs('checked', Buffer.from(text))).toEqual({ orderId: 'o' })
})

test('what is nested deeper than 200 levels is refused, however deep and however large', () => {
  const levels = (count: number): Buffer => Buffer.from(`${'['.repeat(count)}${']'.repeat(count)}`)
  expect(parseExactJson(levels(200))).toBeInstanceOf(Array)
  for (const count of [201, 10_000, 1_000_000]) {
    expect(() => parseExactJson(levels(count))).toThrow('it has more than 200 levels.')
  }
  expect(() => parseExactJson(Buffer.from('['.repeat(1_000_000)))).toThrow('it is not valid JSON.')
})
