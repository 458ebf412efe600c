import { describe, expect, it } from 'vitest'
import type { PublishOutcome } from '../../../src/ports.ts'
import { attempt, CREATED, idAt, linksOf, NOW, outgoing, startRig, tracingOf } from './rig.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const headers = { traceparent: `00-${TRACE}-${SPAN}-01` }
const CONFIRMED: PublishOutcome = { kind: 'confirmed' }

describe('a publish', () => {
  it('belongs to the trace in which its message was written, and refers to that', async () => {
    await using rig = startRig()
    rig.tracing().publish(outgoing({ headers }), 3)!.end(CONFIRMED)
    const [span] = rig.spans()
    expect(span).toMatchObject({ name: 'publish orders.events:order.placed', kind: 2, status: { code: 0 } })
    expect(span?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: SPAN })
    expect(linksOf(span)).toEqual([['creation', SPAN]])
    expect(span?.attributes).toMatchObject({
      'messaging.operation.name': 'publish',
      'messaging.operation.type': 'send',
      'messaging.message.id': CREATED.messageId,
      'outbox.attempt': 3,
      'outbox.dwell_ms': 1000,
    })
  })

  it.each<[string, object]>([
    ['written more than 5 minutes ago', { createdAt: NOW - 300_001, messageId: idAt(NOW - 300_001) }],
    ['scheduled long ago and due only now', { createdAt: NOW, messageId: idAt(NOW - 86_400_000) }],
  ])('of a message %s has a trace of its own that refers to the other', async (_what, late) => {
    await using rig = startRig()
    rig
      .tracing()
      .publish(outgoing({ headers, ...late }), 1)!
      .end(CONFIRMED)
    const [span] = rig.spans()
    expect(span?.parentSpanContext).toBeUndefined()
    expect(span?.spanContext().traceId).not.toBe(TRACE)
    expect(linksOf(span)).toEqual([['creation', SPAN]])
  })

  it('of a message whose id tells no time is late by when it was written', async () => {
    await using rig = startRig()
    const messageId = 'f47ac10b-58cc-4372-a567-0e02b2c3d479'
    for (const createdAt of [NOW - 299_000, NOW - 301_000])
      rig.tracing().publish(outgoing({ headers, messageId, createdAt }), 1)!.end(CONFIRMED)
    expect(rig.spans().map((span) => span.parentSpanContext?.traceId)).toEqual([TRACE, undefined])
  })

  it('goes by what the application says of traces', async () => {
    await using rig = startRig()
    const old = outgoing({ headers, createdAt: NOW - 300_001 })
    rig.tracing({ mode: 'parent' }).publish(old, 1)!.end(CONFIRMED)
    rig.tracing({ mode: 'link' }).publish(outgoing({ headers }), 1)!.end(CONFIRMED)
    rig.tracing({ parentMaxAgeMs: 400_000 }).publish(old, 1)!.end(CONFIRMED)
    expect(rig.spans().map((span) => span.parentSpanContext?.traceId)).toEqual([TRACE, undefined, TRACE])
  })

  it.each<[PublishOutcome, string]>([
    [{ kind: 'unroutable' }, 'unroutable'],
    [{ kind: 'refused', error: new RangeError('No.') }, 'RangeError'],
    [{ kind: 'unknown', error: new TypeError('Gone.') }, 'TypeError'],
  ])('that ends as %j says so', async (outcome, errorType) => {
    await using rig = startRig()
    rig.tracing().publish(outgoing({ headers }), 1)!.end(outcome)
    expect(rig.spans()[0]?.status.code).toBe(2)
    expect(rig.spans()[0]?.attributes['error.type']).toBe(errorType)
  })

  it.each([
    ['nothing', {}],
    ['no sampled trace', { traceparent: `00-${TRACE}-${SPAN}-00` }],
    ['no sampled trace, with a random id', { traceparent: `00-${TRACE}-${SPAN}-02` }],
    ['nonsense', { traceparent: '00-xyz' }],
    ['the trace of zeros', { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` }],
  ])('of a message that carries %s is not recorded', async (_what, carried) => {
    await using rig = startRig()
    expect(rig.tracing().publish(outgoing({ headers: carried }), 1)).toBeNull()
  })

  it.each(['01', '03', '0b', '0f'])('with flags %s is sampled', async (flags) => {
    await using rig = startRig()
    const carried = { traceparent: `00-${TRACE}-${SPAN}-${flags}` }
    expect(rig.tracing().publish(outgoing({ headers: carried }), 1)).not.toBeNull()
  })

  it('reads what another propagator has written', async () => {
    await using rig = startRig({ propagators: 'b3' })
    rig
      .tracing()
      .publish(outgoing({ headers: { b3: `${TRACE}-${SPAN}-1` } }), 1)!
      .end(CONFIRMED)
    expect(rig.spans()[0]?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: SPAN })
    expect(rig.tracing().publish(outgoing({ headers: { b3: `${TRACE}-${SPAN}-0` } }), 1)).toBeNull()
  })

  it('is nothing without an SDK', () => {
    expect(tracingOf().publish(outgoing({ headers }), 1)).toBeNull()
    expect(tracingOf().handle(attempt({ headers }))).toBeNull()
  })
})
