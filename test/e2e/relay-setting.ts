import amqp, { type ChannelModel, type ConsumeMessage } from 'amqplib'
import type pg from 'pg'
import { pgPool } from '../../adapters/pg/index.ts'
import { migrate } from '../../adapters/postgres/index.ts'
import { createTestVhost, type TestVhost } from '../support/broker.ts'
import { startChild, type Child } from '../support/child.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'

export type Variables = Readonly<Record<string, string | undefined>>

/** Times so short that tests are quick, and still safe together. */
const QUICK: Variables = {
  WAYBILL_LEASE_MS: '2500',
  WAYBILL_RENEW_MS: '300',
  WAYBILL_MARGIN_MS: '400',
  WAYBILL_AMQP_CONFIRM_TIMEOUT_MS: '1200',
  WAYBILL_GRACE_MS: '2000',
  WAYBILL_AMQP_HEARTBEAT_MS: '1000',
  WAYBILL_REBALANCE_MS: '100',
  WAYBILL_DATABASE_QUERY_TIMEOUT_MS: '2000',
  WAYBILL_AMQP_RECONNECT_MAX_MS: '300',
}

/** The longest time until the lanes of a relay that died belong to another: lease, grace, and a look every 100 ms. */
export const TAKEOVER_MS: number = 2500 + 2000

const EXCHANGE = 'orders.events'
const QUEUE = 'everything'

/** What arrived at the queue. */
export interface Arrival {
  readonly messageId: string
  readonly key: string
  /** The number that its writer gave it: grows within a key. */
  readonly number: number
}

export interface RelaySetting extends AsyncDisposable {
  readonly database: TestDatabase
  readonly vhost: TestVhost
  readonly env: Variables
  /** Everything that has arrived, in the order of arrival, duplicates included. */
  readonly arrivals: readonly Arrival[]
  /** Starts `waybill` with the variables of this setting. */
  waybill(args: readonly string[], env?: Variables): Child
  /** Starts a relay and waits until it runs. */
  relay(env?: Variables): Promise<Child>
  /** Writes one message by plain SQL, as a service in any language would. */
  write(key: string, number: number): Promise<void>
  /** Owners of lanes, by host and number of lanes. */
  owners(): Promise<Readonly<Record<string, number>>>
  backlog(): Promise<number>
}

/** A migrated database, a vhost with a queue that keeps everything, and a consumer that writes down what comes. */
export async function createRelaySetting(
  options: { readonly migrated?: boolean } = {},
): Promise<RelaySetting> {
  const database = await createTestDatabase()
  const vhost = await createTestVhost()
  const connection = await amqp.connect(vhost.url)
  connection.on('error', () => undefined)
  const arrivals = await collect(connection)
  const children: Child[] = []
  const env: Variables = {
    ...QUICK,
    WAYBILL_DATABASE_URL: database.url,
    WAYBILL_AMQP_URL: vhost.url,
    WAYBILL_HEALTH_LISTEN: '127.0.0.1:0',
  }
  const waybill = (args: readonly string[], own: Variables = {}): Child => {
    const child = startChild('relay/main.ts', { args, env: { ...env, ...own } })
    children.push(child)
    return child
  }
  const { pool } = database
  if (options.migrated !== false) await migrate(pgPool(pool))
  return {
    database,
    vhost,
    env,
    arrivals,
    waybill,
    relay: async (own) => {
      const child = waybill(['relay'], own)
      await child.line(/"The relay runs\."/)
      return child
    },
    write: (key, number) => writeBySql(pool, key, number),
    owners: () => ownersOf(pool),
    backlog: async () => {
      const { rows } = await pool.query<{ count: string }>('select count(*) from waybill.outbox')
      return Number(rows[0]!.count)
    },
    [Symbol.asyncDispose]: async () => {
      for (const child of children) await child.kill('SIGKILL')
      await connection.close().catch(() => undefined)
      await vhost[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

async function collect(connection: ChannelModel): Promise<readonly Arrival[]> {
  const channel = await connection.createChannel()
  await channel.assertExchange(EXCHANGE, 'topic', { durable: true })
  await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.bindQueue(QUEUE, EXCHANGE, '#')
  const arrivals: Arrival[] = []
  await channel.consume(QUEUE, (message) => {
    if (message === null) return
    arrivals.push(arrivalOf(message))
    channel.ack(message)
  })
  return arrivals
}

function arrivalOf(message: ConsumeMessage): Arrival {
  const body = JSON.parse(message.content.toString()) as { readonly number: number }
  const key: unknown = message.properties.headers?.['waybill-key']
  return { messageId: String(message.properties.messageId), key: String(key), number: body.number }
}

async function writeBySql(pool: pg.Pool, key: string, number: number): Promise<void> {
  await pool.query(
    `select waybill.write(type => 'order.placed', payload => jsonb_build_object('number', $2::int), key => $1, source => 'orders')`,
    [key, number],
  )
}

async function ownersOf(pool: pg.Pool): Promise<Readonly<Record<string, number>>> {
  const { rows } = await pool.query<{ host: string; lanes: string }>(
    'select relay.host, count(*) as lanes from waybill.lane join waybill.relay on relay_id = owner group by host',
  )
  return Object.fromEntries(rows.map(({ host, lanes }) => [host, Number(lanes)]))
}

/** Writes to `keys` in turn, each key in order, until told to stop. */
export function startLoad(setting: RelaySetting, keys = 20): { stop(): Promise<number> } {
  const stopping = new AbortController()
  let count = 0
  const writing = (async () => {
    while (!stopping.signal.aborted) {
      await Promise.all(
        Array.from({ length: keys }, (_, key) => setting.write(`key-${key}`, Math.floor(count / keys))),
      )
      count += keys
    }
  })()
  // A test that fails before `stop` has said what it had to say.
  writing.catch(() => undefined)
  return {
    stop: async () => {
      stopping.abort()
      await writing
      return count
    },
  }
}

/** Waits until as many different messages have arrived as were written, and the outbox is empty. */
export async function everythingArrived(setting: RelaySetting, count: number): Promise<void> {
  await eventually(
    async () => {
      const different = new Set(setting.arrivals.map(({ messageId }) => messageId)).size
      const left = await setting.backlog()
      if (different !== count || left > 0)
        throw new Error(`${different} of ${count} arrived, ${left} are left.`)
      return true
    },
    { timeoutMs: 30_000 },
  )
}

/** The keys whose messages did not first arrive in the order in which they were written. */
export function disorderedKeys(arrivals: readonly Arrival[]): string[] {
  const seen = new Set<string>()
  const last = new Map<string, number>()
  const disordered = new Set<string>()
  for (const { messageId, key, number } of arrivals) {
    if (seen.has(messageId)) continue
    seen.add(messageId)
    if (number !== (last.get(key) ?? -1) + 1) disordered.add(key)
    last.set(key, number)
  }
  return [...disordered]
}
