import { afterEach, expect, it } from 'vitest'
import { openTelemetry } from '../../../adapters/opentelemetry/index.ts'
import { PermanentError } from '../../../src/index.ts'
import { eventually } from '../../support/eventually.ts'
import { startRig } from '../opentelemetry/rig.ts'
import { setup, type Bench } from './setup.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }
/** Nothing of a payload may be in a line. */
const MARKER = 'a-marker-of-a-payload'
const body = Buffer.from(JSON.stringify({ orderId: MARKER }))

const benches: Bench[] = []
afterEach(async () => {
  for (const { consumer } of benches.splice(0)) await consumer.stop()
})

async function started(options: Parameters<typeof setup>[0]): Promise<Bench> {
  const bench = setup({ telemetry: openTelemetry({ mode: 'parent' }), ...options })
  benches.push(bench)
  await bench.consumer.start()
  return bench
}

it('lines of a handler, and of a message that failed, name the message, its attempt and its trace', async () => {
  await using rig = startRig()
  let tries = 0
  const { place, log } = await started({
    retry: { baseMs: 1, maxMs: 2 },
    handlers: {
      'order.placed': (_message, { logger }) => {
        tries += 1
        logger.info({ own: tries }, 'I work.')
        if (tries === 1) throw new TypeError('Not yet.')
        if (tries === 2) throw new PermanentError('Never.')
      },
    },
  })
  const correlationId = 'conversation-1'
  const messageId = place({ headers, body, correlationId })
  await eventually(() => log.some(({ text }) => text === 'A message has become a dead letter.'))
  const spans = rig.spans().map((span) => span.spanContext().spanId)
  expect(spans).toHaveLength(2)
  const about = { consumer: 'billing', messageId, type: 'order.placed', correlationId, trace_id: TRACE }
  const lines = log.filter(({ fields }) => fields['messageId'] === messageId)
  expect(lines).toMatchObject([
    { level: 'info', text: 'I work.', fields: { ...about, own: 1, attempt: 1, span_id: spans[0] } },
    { level: 'warn', fields: { ...about, attempts: 1, span_id: spans[0], reason: 'failed' } },
    { level: 'info', text: 'I work.', fields: { ...about, own: 2, attempt: 2, span_id: spans[1] } },
    { level: 'error', fields: { ...about, attempts: 2, span_id: spans[1] } },
  ])
})

it('a message that is handled is no line above debug', async () => {
  await using rig = startRig()
  const { place, log, outcomes } = await started({})
  place({ headers, body })
  await eventually(() => outcomes.length > 0 || rig.spans().length > 0)
  expect(log.filter(({ level }) => level !== 'debug')).toEqual([])
})

it('no line has anything of a payload, whatever becomes of its message', async () => {
  await using rig = startRig()
  let tries = 0
  const { place, log } = await started({
    retry: { attempts: 2, baseMs: 1, maxMs: 2 },
    handlers: {
      'order.placed': () => {
        tries += 1
        throw new Error('No.')
      },
    },
  })
  place({ headers, body })
  place({ body: Buffer.from(`{"orderId":"${MARKER}"`) })
  place({ body, type: 'order.unknown' })
  place({ body, messageId: '' })
  await eventually(() => log.filter(({ level }) => level === 'error').length >= 3 && tries >= 2)
  const texts = log.map(({ fields, text }) =>
    JSON.stringify([text, fields], (_key, value: unknown) =>
      value instanceof Error ? [value.message, value.stack, value.cause] : value,
    ),
  )
  expect(texts.length).toBeGreaterThan(3)
  expect(texts.filter((text) => text.includes(MARKER))).toEqual([])
  expect(JSON.stringify(rig.spans().map(({ attributes, events }) => [attributes, events]))).not.toContain(
    MARKER,
  )
})
