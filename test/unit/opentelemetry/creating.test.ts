import { context, propagation, ROOT_CONTEXT, type Context } from '@opentelemetry/api'
import { core, tracing as sdkTracing } from '@opentelemetry/sdk-node'
import { describe, expect, it } from 'vitest'
import { openTelemetry } from '../../../adapters/opentelemetry/index.ts'
import { createOutbox, defineMessages, messageType, WaybillError } from '../../../src/index.ts'
import { recordingDatabase, transaction } from '../outbox/recording-database.ts'
import { CREATED, startRig, tracingOf } from './rig.ts'

const SAMPLED = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/

describe('the creation of a message', () => {
  it('is a step of the trace in which it is written, and the message takes its context along', async () => {
    await using rig = startRig()
    const tracing = rig.tracing({ server: { address: 'broker', port: 5672 } })
    const creation = rig.within(() => tracing.create(CREATED))!
    creation.end()
    const [request, create] = rig.spans()
    expect(create).toMatchObject({ name: 'create orders.events:order.placed', kind: 3, links: [] })
    expect(create?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId)
    expect(create?.attributes).toEqual({
      'messaging.system': 'rabbitmq',
      'messaging.operation.name': 'create',
      'messaging.operation.type': 'create',
      'messaging.destination.name': 'orders.events:order.placed',
      'messaging.rabbitmq.destination.routing_key': 'order.placed',
      'messaging.message.id': CREATED.messageId,
      'messaging.message.conversation_id': 'conversation-1',
      'outbox.message_type': 'order.placed',
      'server.address': 'broker',
      'server.port': 5672,
    })
    const { traceId, spanId } = create!.spanContext()
    expect(SAMPLED.exec(creation.headers['traceparent'] ?? '')?.slice(1)).toEqual([traceId, spanId])
  })

  it('begins a trace where there is none', async () => {
    await using rig = startRig()
    rig.tracing().create(CREATED)!.end()
    expect(rig.spans()[0]?.parentSpanContext).toBeUndefined()
  })

  it('says what the error was, by its code and never by a new name for each', async () => {
    await using rig = startRig()
    const problem = 'The database cannot be used.'
    for (const error of [
      new TypeError('No.'),
      new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', { problem }),
      7,
    ])
      rig.tracing().create(CREATED)!.end(error)
    expect(rig.spans().map(({ status, attributes }) => [status.code, attributes['error.type']])).toEqual([
      [2, 'TypeError'],
      [2, 'WAYBILL_DATABASE_UNAVAILABLE'],
      [2, '_OTHER'],
    ])
  })

  it('is carried when nobody records it, so that nobody after it begins to', async () => {
    await using rig = startRig({ sampler: new sdkTracing.AlwaysOffSampler() })
    const creation = rig.within(() => rig.tracing().create(CREATED))!
    creation.end()
    expect(creation.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    expect(rig.spans()).toEqual([])
  })

  it('is nothing under suppressed tracing, and nothing without an SDK', async () => {
    expect(tracingOf().create(CREATED)).toBeNull()
    await using rig = startRig()
    expect(context.with(core.suppressTracing(ROOT_CONTEXT), () => rig.tracing().create(CREATED))).toBeNull()
    expect(rig.tracing().quietly(() => rig.tracing().create(CREATED))).toBeNull()
    expect(rig.spans()).toEqual([])
  })
})

describe('what a message carries', () => {
  const baggage = propagation.createBaggage({ tenant: { value: 'acme' }, email: { value: 'a@example.org' } })
  const withBaggage = propagation.setBaggage(ROOT_CONTEXT, baggage)

  it('has no baggage, unless an entry is on the list', async () => {
    await using rig = startRig()
    const carried = (names?: string[]): string | undefined =>
      rig.within(() => rig.tracing({ baggage: names }).create(CREATED), withBaggage)?.headers['baggage']
    expect(carried()).toBeUndefined()
    expect(carried(['other'])).toBeUndefined()
    expect(carried(['tenant', 'other'])).toBe('tenant=acme')
  })

  it('leaves the baggage behind when all is more than 2 KiB, and keeps what vendors have added', async () => {
    await using rig = startRig()
    const large = propagation.createBaggage({ tenant: { value: 'x'.repeat(2000) } })
    const names = (base: Context): string[] =>
      Object.keys(rig.within(() => rig.tracing({ baggage: ['tenant'] }).create(CREATED), base)!.headers)
    expect(names(propagation.setBaggage(ROOT_CONTEXT, large))).toEqual(['traceparent'])
    expect(names(propagation.setBaggage(withState(), large))).toEqual(['traceparent', 'tracestate'])
  })

  it.each([
    ['b3', ['b3']],
    ['b3multi', ['x-b3-sampled', 'x-b3-spanid', 'x-b3-traceid']],
  ])('is what the propagator of the application makes of it, such as %s', async (propagators, names) => {
    await using rig = startRig({ propagators })
    const { headers } = rig.within(() => rig.tracing().create(CREATED))!
    expect(Object.keys(headers).sort()).toEqual(names)
  })
})

/** A trace of somebody else, to which a vendor has added something. */
const withState = (): Context =>
  propagation.extract(ROOT_CONTEXT, {
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: 'vendor=1',
  })

describe('an outbox with traces', () => {
  const messages = defineMessages({ 'order.placed': messageType<{ orderId: string }>() })
  const placed = { type: 'order.placed', payload: { orderId: 'a' } } as const
  const outboxOn = (database: ReturnType<typeof recordingDatabase>, headerBytes = 32_768) =>
    createOutbox({
      ...{ source: 'orders', messages, database, telemetry: openTelemetry({ baggage: ['tenant'] }) },
      limits: { headerBytes },
    })
  const headersOf = (database: ReturnType<typeof recordingDatabase>): Record<string, string>[] =>
    database.records.map(({ headers }) => JSON.parse(headers) as Record<string, string>)

  it('keeps the context of its creation with each message, beside the headers of its own', async () => {
    await using rig = startRig()
    const database = recordingDatabase()
    await outboxOn(database).write(transaction(), [{ ...placed, headers: { tenant: 'b' } }, placed])
    expect(headersOf(database)).toEqual([
      { tenant: 'b', traceparent: expect.stringMatching(SAMPLED) as string },
      { traceparent: expect.stringMatching(SAMPLED) as string },
    ])
    const ids = rig.spans().map((span) => span.spanContext().spanId)
    expect(headersOf(database).map(({ traceparent }) => traceparent?.slice(36, 52))).toEqual(ids)
  })

  it('writes a message without it when there is no room for it', async () => {
    await using rig = startRig()
    const database = recordingDatabase()
    const headers = { note: 'x'.repeat(400) }
    await outboxOn(database, 600).write(transaction(), { ...placed, headers })
    expect(headersOf(database)).toEqual([headers])
    expect(rig.spans()).toHaveLength(1)
  })

  it('ends the step with the error when the write fails, and passes the error on', async () => {
    await using rig = startRig()
    const refuse = new RangeError('No.')
    await expect(outboxOn(recordingDatabase({ refuse })).write(transaction(), placed)).rejects.toBe(refuse)
    expect(rig.spans()[0]?.attributes['error.type']).toBe('RangeError')
  })

  it('keeps it in a statement too, and with a message that is due later', async () => {
    await using rig = startRig()
    const database = recordingDatabase()
    await outboxOn(database).statement(placed)
    await outboxOn(database).write(transaction(), { ...placed, deliverAt: new Date() })
    const [stated] = database.statements
    expect(stated?.records[0]?.headers).toContain(rig.spans()[0]?.spanContext().spanId)
    expect(headersOf(database)[0]?.['traceparent']).toMatch(SAMPLED)
  })

  it('writes as ever when there is no SDK', async () => {
    const database = recordingDatabase()
    await outboxOn(database).write(transaction(), placed)
    expect(headersOf(database)).toEqual([{}])
  })
})

describe('options', () => {
  it.each([
    { mode: 'sometimes' },
    { parentMaxAgeMs: -1 },
    { parentMaxAgeMs: Number.NaN },
    { baggage: 'tenant' },
    { baggage: [7] },
    { metrics: 'yes' },
    { server: 'broker:5672' },
    { server: { address: 'broker' } },
    { sampler: 'always' },
  ])('%j are refused', (options) => {
    expect(() => openTelemetry(options as never)).toThrow(
      expect.objectContaining({ code: 'WAYBILL_OPTION_INVALID' }) as Error,
    )
  })
})
