import { randomUUID } from 'node:crypto'
import pg from 'pg'
import {
  DatabaseSetup,
  getDisabledLogger,
  initializePollingMessageListener,
  type PollingListenerConfig,
} from 'pg-transactional-outbox'
import type { Peer, PeerMessage } from './peer.ts'

const TABLE = 'peer_outbox'
const SETUP = {
  outboxOrInbox: 'outbox',
  database: 'unused',
  schema: 'public',
  table: TABLE,
  listenerRole: 'unused',
  nextMessagesName: 'next_outbox_messages',
} as const

async function query<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<Row>(text, values)).rows
  } finally {
    await client.end()
  }
}

/** Polling, without the two protections that cost a statement each, in large batches of messages that run in parallel. */
function config(databaseUrl: string): PollingListenerConfig {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl)
  return {
    outboxOrInbox: 'outbox',
    dbListenerConfig: {
      host: hostname,
      port: Number(port),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      database: pathname.slice(1),
    },
    settings: {
      dbSchema: 'public',
      dbTable: TABLE,
      nextMessagesFunctionName: SETUP.nextMessagesName,
      nextMessagesBatchSize: 100,
      nextMessagesPollingIntervalInMs: 10,
      nextMessagesLockInMs: 1_000,
      enableMaxAttemptsProtection: false,
      enablePoisonousMessageProtection: false,
    },
  }
}

const peer: Peer = {
  async prepare({ databaseUrl }) {
    await query(databaseUrl, DatabaseSetup.dropAndCreateTable(SETUP))
    await query(databaseUrl, DatabaseSetup.createPollingFunction(SETUP))
    await query(databaseUrl, DatabaseSetup.setupPollingIndexes(SETUP))
  },
  async write({ databaseUrl }, messages) {
    // Its own store function writes one row in one statement; what it stores is the same.
    await query(
      databaseUrl,
      `insert into ${TABLE} (id, aggregate_type, aggregate_id, message_type, concurrency, payload)
       select id, 'order', payload ->> 'orderId', 'order.placed', 'parallel', payload
       from unnest($1::uuid[], $2::json[]) as message (id, payload)`,
      [messages.map(() => randomUUID()), messages.map((message) => JSON.stringify(message))],
    )
  },
  async drain({ databaseUrl, publish }, isDone) {
    const [shutdown] = initializePollingMessageListener(
      config(databaseUrl),
      { handle: (message) => publish(message.payload as PeerMessage) },
      getDisabledLogger(),
      { messageRetryStrategy: () => true },
    )
    await isDone
    await shutdown()
  },
  async left({ databaseUrl }) {
    const text = `select count(*)::int as left from ${TABLE} where processed_at is null`
    const [row] = await query<{ left: number }>(databaseUrl, text)
    return row?.left ?? Number.NaN
  },
}

export default peer
