import { context, propagation, trace } from '@opentelemetry/api'
import { tracing as sdkTracing } from '@opentelemetry/sdk-node'
import { describe, expect, it } from 'vitest'
import { WaybillError } from '../../../src/index.ts'
import type { HandlingEnd } from '../../../src/ports.ts'
import { attempt, CREATED, HANDLED, linksOf, NOW, startRig } from './rig.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const headers = { traceparent: `00-${TRACE}-${SPAN}-01` }

describe('the handling of a message', () => {
  it('belongs to the trace in which it was written, and refers to that', async () => {
    await using rig = startRig()
    rig
      .tracing()
      .handle(attempt({ headers }, { attempt: 2 }))!
      .end(HANDLED)
    const [span] = rig.spans()
    expect(span).toMatchObject({
      name: 'process orders.events:order.placed:billing',
      kind: 4,
      status: { code: 0 },
      events: [],
    })
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: SPAN })
    expect(linksOf(span)).toEqual([['creation', SPAN]])
    expect(span?.attributes).toMatchObject({
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'orders.events:order.placed:billing',
      'messaging.consumer.group.name': 'billing',
      'messaging.message.id': CREATED.messageId,
      'outbox.attempt': 2,
      'outbox.dwell_ms': 1000,
      'inbox.outcome': 'handled',
    })
  })

  it('has a trace of its own when the message is late or was replayed', async () => {
    await using rig = startRig()
    const late = attempt({ headers, createdAt: NOW - 300_001 })
    for (const each of [late, attempt({ headers }, { replayed: true })])
      rig.tracing().handle(each)!.end(HANDLED)
    for (const span of rig.spans()) {
      expect(span.parentSpanContext).toBeUndefined()
      expect(linksOf(span)).toEqual([['creation', SPAN]])
    }
    expect(rig.spans()).toHaveLength(2)
  })

  it('belongs to it however old it is where the application says so, unless it was replayed', async () => {
    await using rig = startRig()
    const tracing = rig.tracing({ mode: 'parent' })
    tracing.handle(attempt({ headers, createdAt: 1 }))!.end(HANDLED)
    tracing.handle(attempt({ headers }, { replayed: true }))!.end(HANDLED)
    expect(rig.spans().map((span) => span.parentSpanContext?.traceId)).toEqual([TRACE, undefined])
  })

  it('of a message that does not say when it was written counts as fresh', async () => {
    await using rig = startRig()
    rig
      .tracing()
      .handle(attempt({ headers, createdAt: 0, messageId: 'order-7' }))!
      .end(HANDLED)
    expect(rig.spans()[0]?.parentSpanContext?.traceId).toBe(TRACE)
    expect(rig.spans()[0]?.attributes).not.toHaveProperty('outbox.dwell_ms')
  })

  it('refers to the attempt before it, whose headers it was given', async () => {
    await using rig = startRig()
    const first = rig.tracing().handle(attempt({ headers }))!
    const previous = first.headers
    first.end({ outcome: 'failed', error: new Error('No.'), kept: { reason: 'failed', retryInMs: 10.4 } })
    rig
      .tracing()
      .handle(attempt({ headers }, { attempt: 2, previous }))!
      .end(HANDLED)
    const [before, after] = rig.spans()
    expect(linksOf(after)).toEqual([
      ['creation', SPAN],
      ['previous_attempt', before?.spanContext().spanId],
    ])
  })

  it('begins a trace when the message carries none', async () => {
    await using rig = startRig()
    rig.tracing().handle(attempt())!.end(HANDLED)
    expect(rig.spans()[0]).toMatchObject({ parentSpanContext: undefined, links: [] })
  })

  it('is around what the handler does, with the baggage of the message', async () => {
    await using rig = startRig()
    const tracing = rig.tracing({ baggage: ['tenant'] })
    const handling = tracing.handle(attempt({ headers: { ...headers, baggage: 'tenant=acme' } }))!
    const seen = await handling.run(async () => {
      await Promise.resolve()
      tracing.create(CREATED)!.end()
      return {
        span: trace.getActiveSpan()?.spanContext().spanId,
        tenant: propagation.getActiveBaggage()?.getEntry('tenant')?.value,
      }
    })
    handling.end(HANDLED)
    const [create, process] = rig.spans()
    expect(seen).toEqual({ span: process?.spanContext().spanId, tenant: 'acme' })
    expect(create?.parentSpanContext?.spanId).toBe(process?.spanContext().spanId)
    expect(handling.ids).toEqual({ trace_id: TRACE, span_id: seen.span, trace_flags: '01' })
    expect(handling.headers).toEqual({ traceparent: `00-${TRACE}-${seen.span ?? ''}-01` })
  })

  it('of an unsampled trace goes on with it and records nothing', async () => {
    await using rig = startRig()
    const tracing = rig.tracing()
    const handling = tracing.handle(attempt({ headers: { traceparent: `00-${TRACE}-${SPAN}-00` } }))!
    const next = handling.run(() => tracing.create(CREATED))
    handling.end(HANDLED)
    expect(next?.headers['traceparent']).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
    expect(handling.ids?.trace_flags).toBe('00')
    expect(rig.spans()).toEqual([])
  })

  it('that is late in an unsampled trace asks the sampler anew', async () => {
    await using rig = startRig({
      sampler: new sdkTracing.ParentBasedSampler({ root: new sdkTracing.AlwaysOnSampler() }),
    })
    const carried = { traceparent: `00-${TRACE}-${SPAN}-00` }
    rig
      .tracing()
      .handle(attempt({ headers: carried, createdAt: NOW - 300_001 }))!
      .end(HANDLED)
    expect(linksOf(rig.spans()[0])).toEqual([['creation', SPAN]])
  })
})

describe('the end of a handling', () => {
  const kept = { reason: 'failed', retryInMs: 1499.6 } as const
  const problem = 'It took too long.'
  it.each<[string, HandlingEnd, object]>([
    [
      'a failure that is tried again',
      { outcome: 'failed', error: new TypeError('No.'), kept },
      {
        status: { code: 2, message: 'No.' },
        events: [{ name: 'inbox.retry_scheduled', attributes: { delay_ms: 1500 } }, { name: 'exception' }],
        attributes: { 'error.type': 'TypeError', 'inbox.outcome': 'failed' },
      },
    ],
    [
      'a dead letter',
      {
        outcome: 'failed',
        error: new WaybillError('WAYBILL_HANDLER_TIMEOUT', { problem }),
        kept: { reason: 'max_attempts' as never, retryInMs: null },
      },
      {
        events: [
          { name: 'inbox.dead_lettered', attributes: { reason: 'max_attempts' } },
          { name: 'exception' },
        ],
        attributes: { 'error.type': 'WAYBILL_HANDLER_TIMEOUT' },
      },
    ],
    [
      'what cannot be read',
      { outcome: 'malformed', error: undefined, kept: { reason: 'malformed', retryInMs: null } },
      { status: { code: 2 }, attributes: { 'error.type': 'malformed' } },
    ],
    [
      'a duplicate, which is no error',
      { outcome: 'duplicate', error: undefined, kept: null },
      {
        status: { code: 0 },
        events: [{ name: 'inbox.duplicate' }],
        attributes: { 'inbox.outcome': 'duplicate' },
      },
    ],
    [
      'a database that went away',
      { outcome: 'released', error: new RangeError('Gone.'), kept: null },
      { status: { code: 2 }, attributes: { 'error.type': 'RangeError' } },
    ],
    [
      'what is given back, which is no error',
      { outcome: 'released', error: undefined, kept: null },
      { status: { code: 0 }, events: [] },
    ],
  ])('says of %s', async (_what, end, said) => {
    await using rig = startRig()
    rig.tracing().handle(attempt({ headers }))!.end(end)
    expect(rig.spans()[0]).toMatchObject(said)
  })
})

describe('double tracing', () => {
  it('is told once, when a span of the instrumentation of amqplib is around a delivery', async () => {
    await using rig = startRig()
    const tracing = rig.tracing()
    expect(tracing.delivered()).toBeNull()
    const other = trace.getTracer('@opentelemetry/instrumentation-amqplib').startSpan('billing process')
    const around = trace.setSpan(context.active(), other)
    expect(context.with(around, () => tracing.delivered())).toMatch(
      /OTEL_NODE_DISABLED_INSTRUMENTATIONS=amqplib/,
    )
    expect(context.with(around, () => tracing.delivered())).toBeNull()
    expect(rig.within(() => rig.tracing().delivered())).toBeNull()
  })
})
