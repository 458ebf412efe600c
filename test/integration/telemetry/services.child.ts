import { createServer, type IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api'
import { AmqplibInstrumentation } from '@opentelemetry/instrumentation-amqplib'
import { KnexInstrumentation } from '@opentelemetry/instrumentation-knex'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { NodeSDK } from '@opentelemetry/sdk-node'
import type { MessageToWrite } from '../../../src/index.ts'
import type { Order } from './messages.ts'

/**
 * Services as an application would set them up: `orders` takes orders by HTTP, `billing` issues an invoice for each, and
 * `shipping` hears of that. All but the relay, unless INSTRUMENTED is set: then one runs here, over the patched drivers.
 */
const {
  ROLES = '',
  INSTRUMENTED,
  WAYBILL_DATABASE_URL: url = '',
  WAYBILL_AMQP_URL: amqpUrl = '',
} = process.env
const isInstrumented = INSTRUMENTED === 'true'

const sdk = new NodeSDK({
  instrumentations: isInstrumented
    ? [
        new AmqplibInstrumentation(),
        new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true }),
        new KnexInstrumentation({ requireParentSpan: true }),
      ]
    : [],
})
sdk.start()
if (isInstrumented) for (const name of ['pg', 'knex', 'amqplib']) createRequire(import.meta.url)(name)

// After the SDK, so that the instrumentations see the drivers being loaded.
const [{ default: pg }, { default: knexModule }, { pgDatabase }, { knexDatabase }, { rabbitmq }] =
  await Promise.all([
    import('pg'),
    import('knex'),
    import('../../../adapters/pg/index.ts'),
    import('../../../adapters/knex/index.ts'),
    import('../../../adapters/rabbitmq/index.ts'),
  ])
const { createConsumer, createOutbox, PermanentError } = await import('../../../src/index.ts')
const { createRelay } = await import('../../../relay/index.ts')
const { openTelemetry } = await import('../../../adapters/opentelemetry/index.ts')
const { messages } = await import('./messages.ts')

const pool = new pg.Pool({ connectionString: url, max: 10 })
pool.on('error', () => undefined)
const knex = knexModule({ client: 'pg', connection: url, pool: { min: 0, max: 5 } })
const transport = rabbitmq({ url: amqpUrl, reconnect: { baseMs: 20, maxMs: 200 } })
const telemetry = openTelemetry({ baggage: ['tenant'] })
const say = (level: string) => (fields: Readonly<Record<string, unknown>>, msg: string) => {
  const { error } = fields
  console.log(
    JSON.stringify({ level, msg, ...fields, ...(error instanceof Error && { error: error.message }) }),
  )
}
const logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
const common = { messages, telemetry, logger }

interface Asked {
  readonly order: Order
  readonly messageId?: string
}

function startOrders(): void {
  const outbox = createOutbox({ ...common, source: 'orders', database: pgDatabase(pool) })
  const place = async (request: IncomingMessage): Promise<string> => {
    const { order, ...more } = (await json(request)) as Asked
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query('insert into effect (what) values ($1)', [order.orderId])
      const message: MessageToWrite<typeof messages> = { type: 'order.placed', payload: order, ...more }
      const { messageId } = await outbox.write(client, message)
      await client.query('commit')
      return messageId
    } finally {
      client.release()
    }
  }
  const tracer = trace.getTracer('application')
  const server = createServer((request, response) => {
    const carried = propagation.extract(ROOT_CONTEXT, request.headers)
    const span = tracer.startSpan('POST /orders', { kind: SpanKind.SERVER }, carried)
    void context.with(trace.setSpan(carried, span), async () => {
      const messageId = await place(request)
      span.end()
      response.end(messageId)
    })
  })
  server.listen(0, '127.0.0.1', () => {
    console.log(`orders at http://127.0.0.1:${String((server.address() as AddressInfo).port)}`)
  })
}

const failures = new Map<string, number>()

async function startBilling(): Promise<void> {
  await createConsumer({
    ...{
      ...common,
      name: 'billing',
      database: pgDatabase(pool),
      transport,
      retry: { baseMs: 10, maxMs: 20 },
    },
    handlers: {
      'order.placed': async ({ payload }, { tx, outbox, logger: own }) => {
        const { orderId, failures: wanted, permanent } = payload
        const tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value
        own.info({ tenant }, 'An invoice is issued.')
        await tx.query('insert into effect (what) values ($1)', [`invoice of ${orderId}`])
        const failed = failures.get(orderId) ?? 0
        failures.set(orderId, failed + 1)
        if (failed < wanted)
          throw permanent ? new PermanentError('No such customer.') : new TypeError('Not yet.')
        await outbox.write({ type: 'invoice.issued', payload: { orderId } })
      },
    },
  }).start()
  console.log('billing consumes')
}

async function startShipping(): Promise<void> {
  await createConsumer({
    ...{ ...common, name: 'shipping', database: knexDatabase(knex), transport },
    handlers: {
      'invoice.issued': async ({ payload }, { tx, logger: own }) => {
        await tx('effect').insert({ what: `parcel of ${payload.orderId}` })
        own.info({}, 'A parcel is sent.')
      },
    },
  }).start()
  console.log('shipping consumes')
}

if (ROLES.includes('billing')) await startBilling()
if (ROLES.includes('shipping')) await startShipping()
if (isInstrumented) {
  await createRelay(
    { database: pgDatabase(pool), transport, telemetry, logger },
    { rebalanceMs: 100 },
  ).start()
  console.log('relay runs')
}
if (ROLES.includes('orders')) startOrders()
