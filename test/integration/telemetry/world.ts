import { connect } from 'amqplib'
import { createTestVhost } from '../../support/broker.ts'
import { startChild, type Child } from '../../support/child.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.ts'
import type { Order } from './messages.ts'

/** A message as it was on the wire. */
export interface OnTheWire {
  readonly type: string
  readonly headers: Readonly<Record<string, unknown>>
}

/** Services that talk over a real broker, and the collector that hears of it. */
export interface TracedWorld extends AsyncDisposable {
  readonly database: TestDatabase
  readonly amqpUrl: string
  readonly collector: OtlpReceiver
  readonly services: Child
  /** Orders by HTTP. @returns the message id. */
  order(
    order: Partial<Order>,
    more?: { headers?: Record<string, string>; messageId?: string },
  ): Promise<string>
  /** What all consumers could have read, in order. */
  readonly wire: readonly OnTheWire[]
  /** Waits for that many parcels. */
  sent(parcels: number): Promise<void>
  /** Waits until spans with these names have come, each as often. */
  spans(...names: string[]): Promise<readonly ReceivedSpan[]>
}

export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
export const SPAN = '00f067aa0ba902b7'
export const SAMPLED = `00-${TRACE}-${SPAN}-01`
export const UNSAMPLED = `00-${TRACE}-${SPAN}-00`

/** @param options.instrumented loads the instrumentations of amqplib, pg and knex, and runs the relay beside the services. */
export async function createTracedWorld({ instrumented }: { instrumented: boolean }): Promise<TracedWorld> {
  const database = await createTestDatabase({ schema: 'waybill' })
  const vhost = await createTestVhost()
  const collector = await startOtlpReceiver()
  await database.pool.query('create table effect (what text not null)')
  const wire: OnTheWire[] = []
  const listener = await listen(vhost.url, wire)
  const env = {
    ...collector.env,
    WAYBILL_DATABASE_URL: database.url,
    WAYBILL_AMQP_URL: vhost.url,
    WAYBILL_HEALTH_LISTEN: '127.0.0.1:0',
    WAYBILL_REBALANCE_MS: '100',
    OTEL_METRICS_EXPORTER: 'none',
  }
  const services = startChild('test/integration/telemetry/services.child.ts', {
    env: {
      ...{ ...env, OTEL_SERVICE_NAME: 'services', ROLES: 'orders billing shipping' },
      INSTRUMENTED: String(instrumented),
    },
  })
  const children = [services]
  if (!instrumented) {
    const relay = startChild('relay/main.ts', { args: ['relay'], env })
    children.push(relay)
    await relay.line(/"The relay runs\."/)
  }
  const address = (await services.line(/^orders at /)).slice('orders at '.length)

  return {
    ...{ database, amqpUrl: vhost.url, collector, services, wire },
    async order(order, { headers = {}, messageId } = {}) {
      const asked = { order: { orderId: 'o-1', failures: 0, permanent: false, ...order }, messageId }
      const response = await fetch(address, { method: 'POST', headers, body: JSON.stringify(asked) })
      return response.text()
    },
    async sent(parcels) {
      await eventually(async () => (await effects(database, 'parcel%')) === parcels)
    },
    async spans(...names) {
      await eventually(() => {
        const left = [...names]
        for (const { name } of collector.spans) if (left.includes(name)) left.splice(left.indexOf(name), 1)
        return left.length === 0
      }).catch((error: unknown) => {
        const came = collector.spans.map(({ name }) => name).join('\n')
        throw new Error(`These spans came:\n${came}\n${services.output}`, { cause: error })
      })
      return collector.spans
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) await child[Symbol.asyncDispose]()
      await listener.close()
      for (const one of [collector, vhost, database]) await one[Symbol.asyncDispose]()
    },
  }
}

async function effects({ pool }: TestDatabase, like: string): Promise<number> {
  const sql = 'select count(*)::int as n from effect where what like $1'
  return (await pool.query<{ n: number }>(sql, [like])).rows[0]?.n ?? 0
}

/** Hears all that is published, as a consumer of its own. */
async function listen(url: string, wire: OnTheWire[]): Promise<{ close(): Promise<void> }> {
  const model = await connect(url)
  const channel = await model.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  for (const exchange of ['orders.events', 'billing.events']) {
    await channel.assertExchange(exchange, 'topic', { durable: true })
    await channel.bindQueue(queue, exchange, '#')
  }
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return
      wire.push({ type: String(message.properties.type), headers: message.properties.headers ?? {} })
    },
    { noAck: true },
  )
  return { close: () => model.close() }
}
