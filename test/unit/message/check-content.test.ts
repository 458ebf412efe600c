import { describe, expect, test } from 'vitest'
import { isWaybillError } from '../../../src/errors.ts'
import { defineMessages } from '../../../src/message/catalogue.ts'
import { decodeMessage } from '../../../src/message/decode.ts'
import type { Envelope } from '../../../src/message/envelope.ts'
import { messageType } from '../../../src/message/message-type.ts'

const codec = (contentType: string) => ({ contentType, encode: () => Buffer.alloc(0), decode: String })

const messages = defineMessages({
  json: messageType<unknown>(),
  bytes: messageType({ codec: 'bytes' }),
  csv: messageType({ codec: codec('Text/CSV; header=present') }),
  odd: messageType({ codec: codec(';') }),
  ownJson: messageType({ codec: codec('application/json; charset=utf-8') }),
  ownBytes: messageType({ codec: codec('application/octet-stream') }),
})

type Said = Partial<Pick<Envelope, 'contentType' | 'contentEncoding'>>

/** What becomes of a body that each codec could decode. */
async function judged(type: string, said: Said): Promise<string> {
  const error: unknown = await decodeMessage(messages, {
    ...{ messageId: 'm', type, source: null, version: 1, key: null, correlationId: null, causationId: null },
    ...{ createdAt: 0, contentType: '', headers: {}, body: Buffer.from('{}'), ...said },
  }).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error === null) return 'read'
  if (isWaybillError(error, 'WAYBILL_PAYLOAD_UNREADABLE')) return error.message
  throw new Error('It was refused for another reason.', { cause: error })
}

describe('a body is read', () => {
  test.each([
    ['json', ''],
    ['json', ' '],
    ['json', '; charset=utf-8'],
    ['json', 'application/json'],
    ['json', 'Application/JSON'],
    ['json', ' application/json '],
    ['json', 'application/json; charset=utf-8'],
    ['json', 'application/json ;charset="utf-8"'],
    ['json', 'application/cloudevents+json'],
    ['json', 'application/cloudevents+json; charset=UTF-8'],
    ['json', 'application/vnd.acme.Order.v2+JSON'],
    ['json', 'model/gltf+json'],
    ['ownJson', 'application/json'],
    ['ownJson', 'application/problem+json'],
    ['csv', 'Text/CSV; header=present'],
    ['csv', 'text/csv'],
    ['csv', 'text/csv; header=absent'],
    ['csv', ''],
    ['csv', 'application/octet-stream'],
    ['json', 'application/octet-stream'],
    ['odd', ';'],
    ['odd', ''],
    ['bytes', 'application/octet-stream'],
    ['bytes', 'application/pdf'],
    ['bytes', 'application/json'],
    ['bytes', 'nonsense'],
    ['bytes', ''],
    ['ownBytes', 'application/octet-stream'],
  ])('as %s when its sender says %j', async (type, contentType) => {
    expect(await judged(type, { contentType })).toBe('read')
  })

  test.each(['', ' ', 'identity', 'Identity', 'utf-8', 'UTF-8', ' utf8 ', 'UTF8', undefined])(
    'when its encoding is %j',
    async (contentEncoding) => {
      expect(await judged('json', { contentEncoding })).toBe('read')
      expect(await judged('bytes', { contentEncoding })).toBe('read')
    },
  )
})

describe('a body is refused', () => {
  test.each([
    ['json', 'text/html'],
    ['json', 'text/plain; charset=utf-8'],
    ['json', 'text/json'],
    ['json', 'application/jsonp'],
    ['json', 'application/json-seq'],
    ['json', 'application/json+xml'],
    ['json', 'application/x; a=application/json'],
    ['json', 'application/xml; a=b+json'],
    ['json', 'application/+json'],
    ['json', '+json'],
    ['json', 'json'],
    ['json', 'a/b/c+json'],
    ['json', 'text/html, application/json'],
    ['json', 'application/json\u0000'],
    ['csv', 'application/json'],
    ['csv', 'text/csv+json'],
    ['odd', 'text/csv'],
    ['ownBytes', 'application/pdf'],
  ])('as %s when its sender says %j', async (type, contentType) => {
    const reason = await judged(type, { contentType })
    expect(reason).toContain(`of type "${type}" states the content type ${JSON.stringify(contentType)}. The`)
    expect(reason).toContain(
      `codec of the type reads ${JSON.stringify(messages.find(type)?.codec.contentType)}. Have`,
    )
  })

  test.each(['gzip', 'GZIP', 'deflate', 'br', 'zstd', 'base64', 'utf-16', 'gzip, identity', 'utf-8\u0000'])(
    'when its encoding is %j, by every codec',
    async (contentEncoding) => {
      const said = { contentType: 'application/json', contentEncoding }
      const text = `states the content encoding ${JSON.stringify(contentEncoding)}. Wanted is none`
      expect(await judged('json', said)).toContain(text)
      const forBytes = await judged('bytes', said)
      expect(forBytes).toContain(text)
      expect(forBytes).toContain('the codec "bytes" would hand it on as it is')
    },
  )

  test('in words that do not grow with what was said', async () => {
    const contentType = `a/${'b'.repeat(100_000)}+json;${'c'.repeat(100_000)}`
    expect((await judged('csv', { contentType })).length).toBeLessThan(500)
  })
})
