import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { pgDatabase } from '../../adapters/pg/index.ts'
import { createOutbox, defineMessages, messageType, type Outbox } from '../../src/index.ts'
import type { Fate, History, WrittenMessage } from './history.ts'
import type { Random } from './random.ts'

export const EXCHANGES = ['fuzz.red', 'fuzz.green', 'fuzz.blue'] as const
const KEYS = 40

interface Payload {
  readonly version: number
}
const typeOn = (exchange: string) => messageType<Payload>({ exchange, partitioned: true })
const catalogue = defineMessages({
  'fuzz.red': typeOn('fuzz.red'),
  'fuzz.green': typeOn('fuzz.green'),
  'fuzz.blue': typeOn('fuzz.blue'),
})
export const fuzzMessages: typeof catalogue = catalogue

export interface WriterParts {
  readonly pool: pg.Pool
  readonly outbox: FuzzOutbox
  readonly history: History
  readonly random: Random
  readonly signal: AbortSignal
}

export type FuzzOutbox = Outbox<typeof fuzzMessages, pg.ClientBase>

export const createFuzzOutbox = (pool: pg.Pool, schema: string): FuzzOutbox =>
  createOutbox({ source: 'fuzz', messages: fuzzMessages, database: pgDatabase(pool, { schema }) })

/** Keys are locked in rising order, also over several rounds of one transaction: no deadlocks. */
interface KeyRange {
  readonly from: number
  readonly to: number
}
const ALL_KEYS: KeyRange = { from: 0, to: KEYS - 1 }

/** The aggregates whose row locks make writers of one key take turns. */
export async function createAggregates(pool: pg.Pool): Promise<void> {
  await pool.query('create table aggregate (key text primary key, version integer not null default 0)')
  await pool.query(`insert into aggregate select 'key-' || n from generate_series(0, $1 - 1) n`, [KEYS])
}

/** Writes until told to stop, in every way in which a service may. */
export async function runWriter(parts: WriterParts): Promise<void> {
  const { pool, random, signal } = parts
  const shapes = [plain, plain, earlyTransactionId, savepoints, twoPhase, unkeyed]
  while (!signal.aborted) {
    const client = await pool.connect()
    try {
      await random.pick(shapes)(parts, client)
    } finally {
      client.release()
    }
    await pause(random.between(0, 12))
  }
}

/** Holds a transaction with an id open for long, and sometimes writes at its very end. */
export async function runLongWriter(parts: WriterParts): Promise<void> {
  const { pool, random, signal, history } = parts
  while (!signal.aborted) {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query('select pg_current_xact_id()')
      await pause(random.between(500, 3_000), signal)
      const written = random.chance(0.5) ? await bump(parts, client) : []
      await finish({ client, written, commit: random.chance(0.8) })
      history.count('long writer')
    } finally {
      client.release()
    }
  }
}

/** Locks and bumps one to three aggregates in order, and writes one or two messages for each. */
async function bump(
  { outbox, random, history }: WriterParts,
  client: pg.ClientBase,
  { from, to }: KeyRange = ALL_KEYS,
): Promise<WrittenMessage[]> {
  const count = random.between(1, 3)
  const numbers = new Set(Array.from({ length: count }, () => random.between(from, to)))
  const written: WrittenMessage[] = []
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const key = `key-${String(number)}`
    const type = EXCHANGES[number % EXCHANGES.length] ?? 'fuzz.red'
    const size = random.between(1, 2)
    const { rows } = await client.query<{ version: number }>(
      'update aggregate set version = version + $2 where key = $1 returning version',
      [key, size],
    )
    const last = rows[0]?.version ?? 0
    const versions = Array.from({ length: size }, (_, index) => last - size + 1 + index)
    const batch = await outbox.write(
      client,
      versions.map((version) => ({ type, key, payload: { version } })),
    )
    batch.forEach(({ messageId }, index) => {
      const message = { messageId, key, version: versions[index] ?? 0, fate: 'open' as Fate }
      history.written.set(messageId, message)
      written.push(message)
    })
  }
  return written
}

interface Finish {
  readonly client: pg.ClientBase
  readonly written: readonly WrittenMessage[]
  readonly commit: boolean
}

async function finish({ client, written, commit }: Finish): Promise<void> {
  await client.query(commit ? 'commit' : 'rollback')
  settle(written, commit)
}

const settle = (written: readonly WrittenMessage[], commit: boolean): void => {
  for (const message of written) message.fate = commit ? 'committed' : 'rolled back'
}

async function plain(parts: WriterParts, client: pg.ClientBase): Promise<void> {
  const { random } = parts
  await client.query('begin')
  const written = await bump(parts, client)
  if (random.chance(0.3)) await pause(random.between(1, 25))
  await finish({ client, written, commit: random.chance(0.85) })
  parts.history.count('plain')
}

async function earlyTransactionId(parts: WriterParts, client: pg.ClientBase): Promise<void> {
  const { random } = parts
  await client.query('begin')
  await client.query('select pg_current_xact_id()')
  await pause(random.between(1, 40))
  const written = await bump(parts, client)
  await finish({ client, written, commit: random.chance(0.9) })
  parts.history.count('early transaction id')
}

async function savepoints(parts: WriterParts, client: pg.ClientBase): Promise<void> {
  const { random } = parts
  await client.query('begin')
  const written: WrittenMessage[] = []
  const middle = KEYS / 2
  for (const range of [
    { from: 0, to: middle - 1 },
    { from: middle, to: KEYS - 1 },
  ]) {
    await client.query('savepoint here')
    const part = await bump(parts, client, range)
    if (random.chance(0.5)) {
      await client.query('rollback to savepoint here')
      settle(part, false)
      parts.history.count('savepoint rolled back')
    } else written.push(...part)
  }
  await finish({ client, written, commit: random.chance(0.9) })
}

async function twoPhase(parts: WriterParts, client: pg.ClientBase): Promise<void> {
  const { random } = parts
  const name = randomUUID()
  await client.query('begin')
  const written = await bump(parts, client)
  await client.query(`prepare transaction '${name}'`)
  await pause(random.between(1, 60))
  const commit = random.chance(0.7)
  await client.query(`${commit ? 'commit' : 'rollback'} prepared '${name}'`)
  settle(written, commit)
  parts.history.count('two-phase')
}

async function unkeyed(parts: WriterParts, client: pg.ClientBase): Promise<void> {
  const { outbox, history, random } = parts
  await client.query('begin')
  const { messageId } = await outbox.write(client, { type: 'fuzz.red', payload: { version: 1 } })
  const message: WrittenMessage = { messageId, key: `no key ${messageId}`, version: 1, fate: 'open' }
  history.written.set(messageId, message)
  await finish({ client, written: [message], commit: random.chance(0.9) })
  history.count('unkeyed')
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal?.addEventListener('abort', finish, { once: true })
  })
}
