import { describe, expect, it } from 'vitest'
import type { ReceivedSpan } from '../../support/otlp-receiver.ts'
import { createTracedWorld, SAMPLED, SPAN, TRACE, UNSAMPLED } from './world.ts'

const WAY = [
  ...['POST /orders', 'create orders.events:order.placed', 'publish orders.events:order.placed'],
  ...['process orders.events:order.placed:billing', 'create billing.events:invoice.issued'],
  ...['publish billing.events:invoice.issued', 'process billing.events:invoice.issued:shipping'],
] as const

function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.find((span) => span.name === name)
  if (found === undefined) throw new Error(`There is no span ${name}.`)
  return found
}

/** Each span of Waybill with the name of its parent, and of what it refers to. */
function placesOf(spans: readonly ReceivedSpan[]): readonly string[] {
  const nameOf = (spanId: string): string =>
    spanId === SPAN ? 'the caller' : (spans.find((span) => span.spanId === spanId)?.name ?? spanId)
  return spans
    .filter(({ scope }) => scope === 'waybill' || scope === 'application')
    .map(({ name, parentSpanId, links }) => {
      const parent = parentSpanId === '' ? 'nothing' : nameOf(parentSpanId)
      return [
        `${name} < ${parent}`,
        ...links.map(({ spanId, kind }) => `${String(kind)} ${nameOf(spanId)}`),
      ].join(' ~ ')
    })
    .sort()
}

const [REQUEST, CREATE, PUBLISH, PROCESS, CREATE_NEXT, PUBLISH_NEXT, PROCESS_NEXT] = WAY

describe.each([
  ['without instrumentations', false],
  ['with the instrumentations of amqplib, pg and knex', true],
])('a trace %s', (_how, instrumented) => {
  it('goes on from a request to the service after the next, and what is late, unsampled or baggage keeps its rules', async () => {
    await using world = await createTracedWorld({ instrumented })

    await world.order({}, { headers: { traceparent: SAMPLED, baggage: 'tenant=acme,email=a%40example.org' } })
    await world.sent(1)
    const spans = await world.spans(...WAY)
    expect(placesOf(spans)).toEqual(
      [
        `${REQUEST} < the caller`,
        `${CREATE} < ${REQUEST}`,
        `${PUBLISH} < ${CREATE} ~ creation ${CREATE}`,
        `${PROCESS} < ${CREATE} ~ creation ${CREATE}`,
        `${CREATE_NEXT} < ${PROCESS}`,
        `${PUBLISH_NEXT} < ${CREATE_NEXT} ~ creation ${CREATE_NEXT}`,
        `${PROCESS_NEXT} < ${CREATE_NEXT} ~ creation ${CREATE_NEXT}`,
      ].sort(),
    )
    const ours = spans.filter(({ scope }) => scope === 'waybill' || scope === 'application')
    expect(new Set(ours.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]))

    // What is on the wire is the context of the creation, whoever else would like to write there.
    expect(world.wire.map(({ type, headers }) => [type, headers['traceparent'], headers['baggage']])).toEqual(
      [
        ['order.placed', `00-${TRACE}-${named(spans, CREATE).spanId}-01`, 'tenant=acme'],
        ['invoice.issued', `00-${TRACE}-${named(spans, CREATE_NEXT).spanId}-01`, 'tenant=acme'],
      ],
    )
    expect(await world.services.line(/"An invoice is issued\."/)).toContain('"tenant":"acme"')
    if (instrumented) expectQueries(spans)
    else expect(new Set(spans.map(({ scope }) => scope))).toEqual(new Set(['application', 'waybill']))

    // Nobody records what the caller does not.
    const before = world.collector.spans.length
    await world.order({ orderId: 'o-2' }, { headers: { traceparent: UNSAMPLED } })
    await world.sent(2)
    const unsampled = world.wire.slice(2).map(({ headers }) => String(headers['traceparent']))
    expect(unsampled).toEqual([
      expect.stringMatching(OF_TRACE_UNSAMPLED),
      expect.stringMatching(OF_TRACE_UNSAMPLED),
    ])

    // An hour after it was written the trace of a message is over.
    const late = idAt(Date.now() - 3_600_000)
    await world.order({ orderId: 'o-3' }, { headers: { traceparent: SAMPLED }, messageId: late })
    await world.sent(3)
    await world.spans(...WAY, ...WAY)
    const after = world.collector.spans.slice(before)
    expect(placesOf(after)).toEqual(
      [
        `${REQUEST} < the caller`,
        `${CREATE} < ${REQUEST}`,
        `${PUBLISH} < nothing ~ creation ${CREATE}`,
        `${PROCESS} < nothing ~ creation ${CREATE}`,
        `${CREATE_NEXT} < ${PROCESS}`,
        `${PUBLISH_NEXT} < ${CREATE_NEXT} ~ creation ${CREATE_NEXT}`,
        `${PROCESS_NEXT} < ${CREATE_NEXT} ~ creation ${CREATE_NEXT}`,
      ].sort(),
    )
    const warnings = world.services.output.match(/OTEL_NODE_DISABLED_INSTRUMENTATIONS=amqplib/g) ?? []
    expect(warnings).toHaveLength(instrumented ? 1 : 0)
  })
})

const OF_TRACE_UNSAMPLED = new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`)

/** What Waybill asks on the transaction of the application, in the middle of its work. */
const BESIDE_THE_APPLICATION = /savepoint waybill_probe|"waybill"\.meta|"waybill"\.append/

/** Queries of the application belong to what it was doing; those of relays and consumers are nowhere. */
function expectQueries(spans: readonly ReceivedSpan[]): void {
  const parentOf = ({ parentSpanId }: ReceivedSpan): string | undefined =>
    spans.find(({ spanId }) => spanId === parentSpanId)?.name
  const queries = spans
    .filter(({ scope }) => /-(pg|knex)$/.test(scope))
    .map((span) => ({
      parent: parentOf(span),
      text: String(span.attributes['db.query.text'] ?? span.attributes['db.statement']),
    }))
  const own = queries.filter(({ text }) => text.includes('waybill') && !BESIDE_THE_APPLICATION.test(text))
  expect(own).toEqual([])
  expect(queries).toContainEqual({ parent: PROCESS, text: 'insert into effect (what) values ($1)' })
  const byKnex = { parent: PROCESS_NEXT, text: expect.stringMatching(/^insert into "effect"/) as string }
  expect(queries).toContainEqual(byKnex)
  const published = spans.filter(({ scope, name }) => scope.endsWith('-amqplib') && name.includes('publish'))
  expect(published).toEqual([])
}

/** A UUIDv7 of that time. */
function idAt(time: number): string {
  const hex = time.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000001`
}
