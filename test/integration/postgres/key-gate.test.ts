import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import type { Database, FailureInstance, InboxEntry, NewFailure } from '../../../src/ports.ts'
import { createTestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'

interface World extends AsyncDisposable {
  readonly pool: pg.Pool
  readonly database: Database<pg.ClientBase>
}

async function createWorld(): Promise<World> {
  const { pool, ...test } = await createTestDatabase({ schema: 'waybill' })
  return { pool, database: pgDatabase(pool), [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() }
}

const instance = (): FailureInstance => ({ consumer: 'billing', instanceId: randomUUID(), host: 'gate' })
const entry = (): InboxEntry => ({
  consumer: 'billing',
  messageId: randomUUID(),
  fingerprint: 1,
  key: 'a',
})
const failed = (given: InboxEntry, by: FailureInstance): NewFailure => ({
  ...{ entry: given, by, uncertain: false },
  message: {
    ...{ originalId: given.messageId, type: 't', version: 1, source: null, key: 'a', correlationId: null },
    ...{ causationId: null, createdAt: null, headers: {}, contentType: 'text/plain', sealed: false },
    ...{ exchange: 'e', routingKey: 'r', payload: Buffer.from('{}') },
  },
  fate: {
    ...{ state: { kind: 'retry', afterMs: 0 }, blocking: true, reason: 'failed', error: null, triedMs: 1 },
    trace: null,
  },
})
const verdictOf = (database: Database<pg.ClientBase>, given: InboxEntry): Promise<string | undefined> =>
  database.handle([given], (_tx, [verdict]) => Promise.resolve(verdict))

/** What a message is told that arrives while the head of its key is being resolved. */
async function arriveWhileOpening({ pool, database }: World): Promise<string | undefined> {
  const head = failed(entry(), instance())
  await database.failures.record(head)
  const resolving = await pool.connect()
  await resolving.query('begin')
  await resolving.query(`update waybill.failure
    set state = 'resolved', blocking = false, next_attempt_at = null, ended_at = now() where state = 'retry'`)
  await resolving.query(`select waybill.release_key('billing', 'a')`)
  const verdict = verdictOf(database, entry())
  await eventually(async () => {
    const { rows } = await pool.query(`select from pg_locks where locktype = 'advisory' and not granted`)
    return rows.length === 1
  })
  await resolving.query('commit')
  resolving.release()
  return verdict
}

test('a message that arrives while the gate of its key opens finds it open, and waits for nobody', async () => {
  await using world = await createWorld()
  expect(await arriveWhileOpening(world)).toBe('first')
})

test('it would wait for ever if the gate were read in the statement that waits for the lock', async () => {
  await using world = await createWorld()
  const { rows } = await world.pool.query<{ source: string }>(
    `select pg_get_functiondef('waybill.remember_in_order'::regproc) as source`,
  )
  const source = rows[0]?.source ?? ''
  const rule =
    /perform "waybill"\.lock_key\(name, keys\[n\]\);([^]*?)if "waybill"\.is_blocked\(name, keys\[n\]\) then/
  expect(source).toMatch(rule)
  const gate = `exists (select from waybill.failure f where f.consumer = name and f.key = keys[n] and f.blocking)`
  const lock = `waybill.lock_key(name, keys[n]) is not null`
  await world.pool.query(source.replace(rule, `$1 if (select ${gate} from (select ${lock}) as locked) then`))
  expect(await arriveWhileOpening(world)).toBe('blocked')
})

test('a zombie owner and the new one decide about a message once, and both find its key blocked', async () => {
  await using world = await createWorld()
  const { database } = world
  const [first, second] = [entry(), entry()]
  await database.failures.record(failed(first, instance()))
  expect(await verdictOf(database, first)).toBe('duplicate')
  expect(await verdictOf(database, second)).toBe('blocked')
})

test('a zombie owner that fails what the new one is handling keeps nothing and blocks nothing', async () => {
  await using world = await createWorld()
  const { database } = world
  const [first, second] = [entry(), entry()]
  const zombie: Promise<string>[] = []
  await database.handle([first], async (tx) => {
    zombie.push(database.failures.record(failed(first, instance())))
    await tx.query('select pg_sleep(0.2)')
  })
  expect(await zombie[0]).toBe('known')
  expect(await verdictOf(database, second)).toBe('first')
})

test('what waits though nothing is before it is let go on, the first of each key, and what has reason to wait is not', async () => {
  await using world = await createWorld()
  const { pool, database } = world
  const [head, second, third] = [entry(), entry(), entry()]
  await database.failures.record(failed(head, instance()))
  for (const waiting of [second, third]) {
    const { message } = failed(waiting, instance())
    await database.handle([waiting], (tx) =>
      database.failures.wait(tx, { entry: waiting, message, by: instance() }, 10),
    )
  }
  expect(await database.failures.releaseForgotten('billing')).toBe(0)
  // As by hand, without releasing the key.
  await pool.query('delete from waybill.failure where message_id = $1', [head.messageId])
  expect(await database.failures.releaseForgotten('billing')).toBe(1)
  const { rows } = await pool.query<{ state: string }>(
    'select state from waybill.failure order by failure_id',
  )
  expect(rows.map(({ state }) => state)).toEqual(['retry', 'waiting'])
  expect(await database.failures.releaseForgotten('billing')).toBe(0)
})

test('who has handled a failure and finds its key locked for long is told to try again, and nothing is half done', async () => {
  await using world = await createWorld()
  const { pool, database } = world
  const [head, by] = [entry(), instance()]
  await database.failures.record(failed(head, by))
  await pool.query('create table effect (n integer)')
  const holder = await pool.connect()
  await holder.query('begin')
  await holder.query(`select waybill.lock_key('billing', 'a')`)
  const [claimed] = await database.failures.claim({ by, atMost: 1, kind: 'sound' })
  const handle = (): Promise<unknown> =>
    database.failures.retry(claimed!, by, async (tx) => {
      await tx.query('insert into effect values (1)')
    })
  const failure: unknown = await handle().catch((error: unknown) => error)
  expect(database.classify(failure)).toBe('transient')
  await holder.query('rollback')
  holder.release()
  await handle()
  expect((await pool.query('select from effect')).rowCount).toBe(1)
})
