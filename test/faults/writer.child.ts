import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { pgDatabase } from '../../adapters/pg/index.ts'
import { createOutbox } from '../../src/index.ts'
import { createRandom, type Random } from '../fuzz/random.ts'
import { readEnvironment } from './environment.ts'
import { messages, typeOf, type Act } from './messages.ts'
import { KEYS } from './truth.ts'

/**
 * A service that changes its aggregates and writes of it, in every way in which a service may: several keys at once,
 * savepoints, two phases, transactions that are open for a while, and those that are rolled back. What goes wrong with its database
 * it tries again later, as a service would.
 */

const LOOPS = 4
const CONNECT_MS = 3_000
const { seed, paceMs, acts, kinds } = readEnvironment()
const pool = new pg.Pool({
  connectionString: process.env['WAYBILL_DATABASE_URL'],
  application_name: 'writer',
  max: LOOPS,
  connectionTimeoutMillis: CONNECT_MS,
  query_timeout: CONNECT_MS,
})
pool.on('error', () => undefined)
const outbox = createOutbox({
  ...{ source: 'faults', messages, database: pgDatabase(pool) },
  history: true,
})
/** Prepared transactions whose end was not heard of. */
const inDoubt = new Set<string>()
let stopping = false
let wrote = false

/** Locks and bumps one to three aggregates, in the one order that all keep, and writes one or two messages for each. */
async function bump(
  client: pg.PoolClient,
  random: Random,
  [from, to]: readonly [number, number] = [0, KEYS - 1],
): Promise<void> {
  const numbers = new Set(Array.from({ length: random.between(1, 3) }, () => random.between(from, to)))
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const key = `key-${number}`
    const size = random.between(1, 2)
    const { rows } = await client.query<{ version: number }>(
      'update aggregate set version = version + $2 where key = $1 returning version',
      [key, size],
    )
    const last = rows[0]?.version ?? 0
    const versions = Array.from({ length: size }, (_, index) => last - size + 1 + index)
    const written = await outbox.write(
      client,
      versions.map((version) => ({
        type: typeOf(number),
        key,
        payload: { version, ...(random.chance(acts / 100) && { act: actOf(random) }) },
      })),
    )
    await client.query('insert into placed select unnest($1::uuid[]), $2, unnest($3::int[])', [
      written.map(({ messageId }) => messageId),
      key,
      versions,
    ])
  }
}

const ACTS: readonly Act[] = [
  { kind: 'fail', times: 1 },
  { kind: 'fail', times: 2 },
  { kind: 'never' },
  { kind: 'crash', times: 1 },
  { kind: 'hang', ms: 400 },
]
const actOf = (random: Random): Act =>
  random.pick(ACTS.filter(({ kind }) => kinds.some((wanted) => wanted === kind)))

async function plain(client: pg.PoolClient, random: Random): Promise<void> {
  await client.query('begin')
  if (random.chance(0.2)) await client.query('select pg_current_xact_id()')
  await bump(client, random)
  if (random.chance(0.3)) await sleep(random.between(1, 40))
  await client.query(random.chance(0.85) ? 'commit' : 'rollback')
}

async function savepoints(client: pg.PoolClient, random: Random): Promise<void> {
  await client.query('begin')
  await bump(client, random, [0, KEYS / 2 - 1])
  await client.query('savepoint here')
  await bump(client, random, [KEYS / 2, KEYS - 1])
  if (random.chance(0.5)) await client.query('rollback to savepoint here')
  await client.query(random.chance(0.9) ? 'commit' : 'rollback')
}

async function twoPhases(client: pg.PoolClient, random: Random): Promise<void> {
  const name = randomUUID()
  await client.query('begin')
  await bump(client, random)
  try {
    await client.query(`prepare transaction '${name}'`)
    await client.query(`${random.chance(0.7) ? 'commit' : 'rollback'} prepared '${name}'`)
  } catch (error) {
    inDoubt.add(name)
    throw error
  }
}

/** Rolls back what was left prepared; not to be found is to have ended. */
async function resolveDoubt(client: pg.PoolClient): Promise<void> {
  for (const name of inDoubt) {
    const { rows } = await client.query('select from pg_prepared_xacts where gid = $1', [name])
    if (rows.length > 0) await client.query(`rollback prepared '${name}'`)
    inDoubt.delete(name)
  }
}

async function once(random: Random): Promise<void> {
  const client = await pool.connect()
  try {
    await resolveDoubt(client)
    await random.pick([plain, plain, plain, savepoints, twoPhases])(client, random)
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}

async function write(random: Random): Promise<void> {
  while (!stopping) {
    try {
      await once(random)
      if (!wrote) console.log('writing')
      wrote = true
    } catch (error) {
      console.log(`writer: ${error instanceof Error ? error.message : String(error)}`)
      await sleep(100)
    }
    await sleep(random.between(0, paceMs))
  }
}

process.once('SIGTERM', () => {
  stopping = true
})
const random = createRandom(seed)
await Promise.all(Array.from({ length: LOOPS }, (_, index) => write(random.fork(String(index)))))
await pool.end()
