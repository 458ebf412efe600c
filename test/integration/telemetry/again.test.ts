import { expect, it } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOperations } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import type { ReceivedSpan } from '../../support/otlp-receiver.ts'
import { createTracedWorld, SAMPLED, TRACE } from './world.ts'

const CREATE = 'create orders.events:order.placed'
const PROCESS = 'process orders.events:order.placed:billing'
const PROCESS_NEXT = 'process billing.events:invoice.issued:shipping'
const BY = { name: 'ada', via: 'program' } as const

function idsOf(span: ReceivedSpan | undefined): Pick<ReceivedSpan, 'traceId' | 'spanId'> {
  return { traceId: span?.traceId ?? '', spanId: span?.spanId ?? '' }
}

function ofOrder(spans: readonly ReceivedSpan[], name: string, messageId: string): readonly ReceivedSpan[] {
  return spans.filter((span) => span.name === name && span.attributes['messaging.message.id'] === messageId)
}

it('each attempt is a step of the trace, and a replay begins one that refers to it', async () => {
  await using world = await createTracedWorld({ instrumented: false })
  const headers = { traceparent: SAMPLED }

  const again = await world.order({ orderId: 'o-1', failures: 2 }, { headers })
  await world.sent(1)
  const spans = await world.spans(PROCESS, PROCESS, PROCESS, PROCESS_NEXT)
  const attempts = ofOrder(spans, PROCESS, again)
  const [create] = ofOrder(spans, CREATE, again)
  expect(
    attempts.map(({ attributes, failed, events }) => [Number(attributes['outbox.attempt']), failed, events]),
  ).toEqual([
    [1, true, ['inbox.retry_scheduled', 'exception']],
    [2, true, ['inbox.retry_scheduled', 'exception']],
    [3, false, []],
  ])
  for (const span of attempts) expect(span.parentSpanId).toBe(create?.spanId)
  const before = attempts.map(({ links }) => links.filter(({ kind }) => kind === 'previous_attempt'))
  const [first, second] = attempts.map(({ traceId, spanId }) => [
    { traceId, spanId, kind: 'previous_attempt' },
  ])
  expect(before).toEqual([[], first, second])

  const dead = await world.order({ orderId: 'o-2', failures: 1, permanent: true }, { headers })
  const operations = createOperations({ database: pgDatabase(world.database.pool) })
  const letter = await eventually(async () => (await operations.letters.list()).items[0])
  await operations.letters.replay(letter.id, { by: BY, reason: 'The customer is there now.' })
  await world.sent(2)
  await world.spans(PROCESS, PROCESS, PROCESS, PROCESS, PROCESS, PROCESS_NEXT, PROCESS_NEXT)
  const [failed, replayed] = ofOrder(world.collector.spans, PROCESS, dead)
  expect(failed?.events).toEqual(['inbox.dead_lettered', 'exception'])
  expect(replayed?.traceId).not.toBe(TRACE)
  expect(replayed?.parentSpanId).toBe('')
  const [origin] = ofOrder(world.collector.spans, CREATE, dead)
  expect(replayed?.links).toContainEqual({ traceId: TRACE, spanId: origin?.spanId, kind: 'creation' })
  expect(replayed?.links).toContainEqual({ ...idsOf(failed), kind: 'previous_attempt' })
  const tries = (await operations.letters.attempts(letter.id)).items
  expect(tries.map(({ outcome, traceId }) => [outcome, traceId])).toEqual([
    ['handled', replayed?.traceId],
    ['failed', TRACE],
  ])
  // What the replayed handler writes belongs to the new trace.
  const parcels = world.collector.spans.filter(({ name }) => name === PROCESS_NEXT)
  expect(parcels.map(({ traceId }) => traceId)).toEqual([TRACE, replayed?.traceId])
})
