import { describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { startChild, type Child } from '../../support/child.ts'
import { startOtlpReceiver } from '../../support/otlp-receiver.ts'
import { createTestVhost } from '../../support/broker.ts'
import { createTestDatabase } from '../../support/database.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
interface Setting extends AsyncDisposable {
  relay(env: Readonly<Record<string, string>>): Promise<Child>
  /** Has a message published whose writer was in a trace. */
  publish(): Promise<void>
}

async function createSetting(): Promise<Setting> {
  const database = await createTestDatabase({ schema: 'waybill' })
  const vhost = await createTestVhost()
  const children: Child[] = []
  return {
    async relay(env) {
      const child = startChild('relay/main.ts', {
        args: ['relay'],
        env: {
          WAYBILL_DATABASE_URL: database.url,
          WAYBILL_AMQP_URL: vhost.url,
          WAYBILL_HEALTH_LISTEN: '127.0.0.1:0',
          WAYBILL_REBALANCE_MS: '100',
          WAYBILL_TOPOLOGY: 'declare',
          WAYBILL_ON_UNROUTABLE: 'ignore',
          ...env,
        },
      })
      children.push(child)
      await child.line(/"The relay runs\."/)
      return child
    },
    async publish() {
      await database.pool.query(
        `insert into waybill.outbox (lane, message_id, type, source, exchange, routing_key, headers, payload)
         values (0, gen_random_uuid(), 'order.placed', 'orders', 'orders.events', 'order.placed', $1, '{}')`,
        [JSON.stringify({ traceparent: `00-${TRACE}-00f067aa0ba902b7-01` })],
      )
      await eventually(async () => {
        const { rows } = await database.pool.query<{ n: number }>(
          'select count(*)::int as n from waybill.outbox',
        )
        return rows[0]?.n === 0
      })
    },
    async [Symbol.asyncDispose]() {
      for (const one of [...children, vhost, database]) await one[Symbol.asyncDispose]()
    },
  }
}

const QUIET = { OTEL_LOGS_EXPORTER: 'none' }
const STOPPED = { code: 0, signal: null }

describe('a relay process', () => {
  it('exports what it publishes and counts, and sends the last of it when it is stopped', async () => {
    await using collector = await startOtlpReceiver()
    await using setting = await createSetting()
    // So rarely by itself that what comes was sent at the end.
    const slow = { OTEL_BSP_SCHEDULE_DELAY: '600000', OTEL_METRIC_EXPORT_INTERVAL: '600000' }
    const relay = await setting.relay({ ...collector.env, ...slow })
    await setting.publish()
    expect(collector.requests).toBe(0)
    expect(await relay.kill('SIGTERM')).toEqual(STOPPED)
    expect(collector.spans).toMatchObject([
      {
        service: 'waybill-relay',
        name: 'publish orders.events:order.placed',
        traceId: TRACE,
        failed: false,
        attributes: { 'server.address': '127.0.0.1' },
      },
    ])
    expect([...collector.metrics]).toEqual(
      expect.arrayContaining(['messaging.client.sent.messages', 'messaging.client.operation.duration']),
    )
  })

  it('is called as the variables say', async () => {
    await using collector = await startOtlpReceiver()
    await using setting = await createSetting()
    await setting.relay({ ...collector.env, OTEL_SERVICE_NAME: 'orders-relay' })
    await setting.publish()
    await eventually(() => collector.spans.length > 0)
    expect(collector.spans[0]?.service).toBe('orders-relay')
  })

  it('stops in time when the collector takes requests and never answers', async () => {
    await using collector = await startOtlpReceiver({ hangs: true })
    await using setting = await createSetting()
    const relay = await setting.relay({ ...collector.env, WAYBILL_SHUTDOWN_TIMEOUT_MS: '8000' })
    await setting.publish()
    await eventually(() => collector.requests > 0)
    const began = performance.now()
    expect(await relay.kill('SIGTERM')).toEqual(STOPPED)
    expect(performance.now() - began).toBeLessThan(8000)
    expect(relay.output).toContain('Not all traces could be sent in time.')
  })

  it('works and stops when no collector is there, and says so in its log and not beside it', async () => {
    await using setting = await createSetting()
    const nowhere = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    }
    const relay = await setting.relay({
      ...{ ...QUIET, ...nowhere, OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_LOG_LEVEL: 'warn' },
      ...{ OTEL_METRICS_EXPORTER: 'none', OTEL_EXPORTER_OTLP_TIMEOUT: '500' },
    })
    await setting.publish()
    await relay.line(/"OpenTelemetry has something to say\."/)
    expect(await relay.kill('SIGTERM')).toEqual(STOPPED)
    const bare = relay.output.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
    expect(bare).toEqual([])
  })

  it.each([
    ['without the variables', {}],
    ['when the SDK is disabled', { OTEL_SDK_DISABLED: 'true' }],
    ['when no traces are wanted', { OTEL_TRACES_EXPORTER: 'none' }],
  ])('makes no traces %s', async (_when, env) => {
    await using collector = await startOtlpReceiver()
    await using setting = await createSetting()
    const asked = Object.keys(env).length === 0 ? {} : collector.env
    const relay = await setting.relay({ ...asked, ...env })
    await setting.publish()
    expect(await relay.kill('SIGTERM')).toEqual(STOPPED)
    expect(collector.requests).toBe(0)
  })
})
