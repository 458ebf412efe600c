import type { Channel } from 'amqplib'
import pg from 'pg'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { rabbitmq, type RabbitmqOptions } from '../../../adapters/rabbitmq/index.ts'
import { createRelay, type Relay, type RelayOptions } from '../../../relay/index.ts'
import { createTestVhost } from '../../support/broker.ts'
import { onChannel } from '../../support/on-channel.ts'
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { createWorld, QUICK, type World } from '../relay/world.ts'
import { createMeter, type Meter } from './meter.ts'

/** A relay between a real database and a real broker, and what its metrics say. */
export interface MeteredRelay extends Meter, AsyncDisposable {
  readonly relay: Relay
}

/** An outbox, and a broker behind a proxy. */
export interface MeteredWorld extends AsyncDisposable {
  readonly world: World
  readonly proxy: TcpProxy
  /** Stopped with the world. */
  start(options?: RelayOptions, broker?: Partial<RabbitmqOptions>): Promise<MeteredRelay>
  /** Past the proxy. */
  onChannel<Result>(work: (channel: Channel) => Promise<Result>): Promise<Result>
  /** Makes a queue for what is published to `tests.events`, and the exchange where it is missing. */
  bind(queue: string, routingKey: string, options?: Parameters<Channel['assertQueue']>[1]): Promise<void>
}

/** Quick to notice, and no lease runs out while the machine is busy, so that what is counted is exact. */
const STEADY: RelayOptions = { ...QUICK, leaseMs: 15_000, gateMaxMs: 50 }

/** @param amqpUrl Default: a vhost of its own on the shared broker. */
export async function createMeteredWorld(amqpUrl?: string): Promise<MeteredWorld> {
  const world = await createWorld()
  const vhost = amqpUrl === undefined ? await createTestVhost() : null
  const url = amqpUrl ?? vhost?.url ?? ''
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(url).port) })
  const started: MeteredRelay[] = []
  return {
    world,
    proxy,
    onChannel: (work) => onChannel(url, work),
    async start(options = {}, broker = {}) {
      const running = meteredRelay(world.database.url, `relay-${started.length}`, {
        options: { ...STEADY, ...options },
        broker: { url: proxy.url(url), reconnect: { baseMs: 20, maxMs: 200 }, ...broker },
      })
      started.push(running)
      await running.relay.start()
      return running
    },
    bind: (queue, routingKey, options = {}) =>
      onChannel(url, async (channel) => {
        await channel.assertExchange('tests.events', 'topic', { durable: true })
        await channel.assertQueue(queue, { durable: true, ...options })
        await channel.bindQueue(queue, 'tests.events', routingKey)
      }),
    async [Symbol.asyncDispose]() {
      proxy.blackhole('none')
      for (const running of started) await running[Symbol.asyncDispose]()
      await proxy.close()
      await vhost?.[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

function meteredRelay(
  databaseUrl: string,
  host: string,
  { options, broker }: { readonly options: RelayOptions; readonly broker: RabbitmqOptions },
): MeteredRelay {
  const meter = createMeter()
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 })
  pool.on('error', () => undefined)
  const transport = rabbitmq(broker)
  const parts = { database: pgDatabase(pool), transport, telemetry: meter.telemetry, host }
  const relay = createRelay(parts, options)
  return {
    ...meter,
    relay,
    async [Symbol.asyncDispose]() {
      await relay.stop()
      await transport.close()
      if (!pool.ended) await pool.end()
    },
  }
}
