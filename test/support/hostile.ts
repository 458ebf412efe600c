import fc from 'fast-check'
import { long, table, textField, uint32, type RawField, type RawMessage } from './raw-publisher.ts'

/** Names that mean something to JavaScript, to Waybill, to a terminal or to RabbitMQ, which itself refuses CC and BCC of odd types. */
const NAMES = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', ''],
  ...[
    'waybill-key',
    'waybill-version',
    'waybill-causation',
    'waybill-lane',
    'waybill-unreadable',
    'waybill-x',
  ],
  ...['cloudEvents_id', 'cloudEvents:type', 'ce-source', 'ce-time', 'cloudEvents_partitionkey', 'ce-subject'],
  ...['x-death', 'x-delivery-count', 'x-opt-y', 'traceparent', 'tracestate', 'baggage'],
  ...['a\r\nSet-Cookie: b', 'a\0b', '\u001b[2Jc', '\u202Ed', 'é'.repeat(127)],
]

const TEXTS = [
  ...['', '1', '0', '-1', '1e9', '4294967296', '9007199254740993', 'NaN', 'Infinity', '0x10', 'true'],
  ...['-271821-04-20T00:00:00Z', '+275760-09-13T00:00:00Z', '2026-01-01T00:00:00Z', 'yesterday'],
  ...['a\r\nlevel=error msg="forged"', 'a\0b', '\u001b]0;title\u0007', '{"__proto__":{"polluted":true}}'],
  ...['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '00-zz', 'a=b,'.repeat(500)],
  ...['k'.repeat(3000), 'x'.repeat(20_000)],
]

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
const anyText: fc.Arbitrary<string | Buffer> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: bytes(60) },
)
const anyName: fc.Arbitrary<string | Buffer> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: bytes(20) },
)
const fixed = (tag: string, size: number): fc.Arbitrary<Omit<RawField, 'name'>> =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((array) => ({ tag, bytes: Buffer.from(array) }))
/** What cannot be said in JSON ends the publisher's connection at some brokers: it never gets to a consumer. */
const finite = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => ({ tag: 'd', bytes: doubleBytes(value) }))

function doubleBytes(value: number): Buffer {
  const made = Buffer.alloc(8)
  made.writeDoubleBE(value)
  return made
}

/** A value of each type that RabbitMQ takes in a table. */
const { value: anyValue } = fc.letrec<{ value: Omit<RawField, 'name'> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    anyText.map((text) => ({ tag: 'S', bytes: long(text) })),
    bytes(40).map((content) => ({ tag: 'x', bytes: long(content) })),
    fixed('b', 1),
    fixed('B', 1),
    fixed('s', 2),
    fixed('u', 2),
    fixed('I', 4),
    fixed('i', 4),
    fixed('l', 8),
    fixed('T', 8),
    fixed('D', 5),
    finite,
    fc.boolean().map((value) => ({ tag: 't', bytes: Buffer.from([Number(value)]) })),
    fc.constant({ tag: 'V', bytes: Buffer.alloc(0) }),
    fc.array(tie('value'), { maxLength: 4 }).map((values) => ({
      tag: 'A',
      bytes: long(Buffer.concat(values.flatMap(({ tag, bytes: content }) => [Buffer.from(tag), content]))),
    })),
    fc
      .array(fc.tuple(anyName, tie('value')), { maxLength: 4 })
      .map((fields) => ({ tag: 'F', bytes: table(fields.map(([name, value]) => ({ name, ...value }))) })),
  ),
}))

const anyField: fc.Arbitrary<RawField> = fc
  .tuple(anyName, anyValue)
  .map(([name, value]) => ({ name, ...value }))

/** Tables within tables, which a decoder that calls itself follows to the end of its stack. */
export function nestedField(levels: number): RawField {
  const heads: Buffer[] = []
  let length = 0
  for (let level = 0; level < levels; level += 1) {
    const head = Buffer.concat([Buffer.from([0]), Buffer.from('F'), uint32(length)])
    heads.push(head)
    length += head.length
  }
  return { name: 'deep', tag: 'F', bytes: Buffer.concat([uint32(length), ...heads.toReversed()]) }
}

/** Very many, and very deep ones, that still fit into a frame. */
const manyFields: fc.Arbitrary<readonly RawField[]> = fc.oneof(
  fc.constant(Array.from({ length: 3_000 }, (_, n) => textField(`h${n}`, 'v'))),
  fc.constantFrom(100, 4_000, 20_000).map((levels) => [nestedField(levels)]),
  fc.constant([textField('huge', 'v'.repeat(100_000))]),
)

const JSON_BODIES = [
  '{"orderId":"o-1"}',
  '{"orderId":"o-1","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  '{"orderId":"a\\r\\nb\\u0000c","n":1e308,"deep":[[[[1]]]]}',
  '{"orderId":"o","orderId":"p"}',
  '{"orderId":12345678901234567890}',
  '[]',
  'null',
  `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
  `${'{"a":'.repeat(300)}1${'}'.repeat(300)}`,
]

/** Bodies: sound ones, ones that were cut or damaged, and anything. */
export const anyBody: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constantFrom(...JSON_BODIES).map((text) => Buffer.from(text)),
  fc
    .tuple(fc.constantFrom(...JSON_BODIES), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([text, share]) => Buffer.from(text.slice(0, Math.floor(text.length * share)))),
  fc
    .tuple(fc.constantFrom(...JSON_BODIES), fc.nat(), fc.nat(255))
    .map(([text, at, byte]) => damaged(Buffer.from(text), at, byte)),
  bytes(200),
)

function damaged(body: Buffer, at: number, byte: number): Buffer {
  body.writeUInt8(byte, at % body.length)
  return body
}

const perhaps = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 3 })
const types = fc.oneof(
  { weight: 4, arbitrary: fc.constant('order.placed') },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'order.lost', 'a\r\nb', 'a\0b', '') },
)

/** A message as nobody who means well would send it. */
export const hostileMessage: fc.Arbitrary<RawMessage> = fc
  .record({
    contentType: perhaps(fc.oneof(fc.constantFrom('application/json', 'text/html'), anyText)),
    contentEncoding: perhaps(fc.constantFrom('gzip', 'utf-16', '')),
    headers: perhaps(
      fc.oneof(
        { weight: 12, arbitrary: fc.array(anyField, { maxLength: 8 }) },
        { weight: 1, arbitrary: manyFields },
      ),
    ),
    correlationId: perhaps(anyText),
    messageId: perhaps(fc.oneof(fc.uuid(), anyText)),
    timestamp: perhaps(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => value)),
    type: perhaps(types),
    appId: perhaps(anyText),
    body: anyBody,
  })
  .map((message) => Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined)))
  .map((message) => message as unknown as RawMessage)
