import { chmod, readdir } from 'node:fs/promises'
import { connect } from 'amqplib'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { createTestVhost } from '../support/broker.ts'
import { startChild, type Child } from '../support/child.ts'
import { createTestDatabase } from '../support/database.ts'
import { createTempDir } from '../support/temp-dir.ts'

const DEMO = 'examples/orders-credit/demo.ts'

type Counts = Readonly<Record<string, number>>

function startDemo(args: readonly string[], env: Record<string, string> = {}): Child {
  return startChild(DEMO, { args: ['--json', ...args], env })
}

function reportOf({ output }: Child): Counts {
  const last = output.trimEnd().split('\n').at(-1) ?? ''
  if (!last.startsWith('{')) throw new Error(`The demo printed no report.\n${output}`)
  return JSON.parse(last) as Counts
}

describe('two services that agree on orders by messages only', () => {
  it('decide every order once, within each credit limit, and repair what failed, as the databases say', async () => {
    await using database = await createTestDatabase()
    await using vhost = await createTestVhost()
    const servers = ['--database-url', database.url, '--amqp-url', vhost.url]
    await using demo = startDemo(['--once', '--count', '150', ...servers])

    // The demo drops its tables at the end; who reads one in a transaction makes it wait.
    await demo.line(/admin API/)
    const reader = await database.pool.connect()
    const prefix = await prefixOf(reader)
    await reader.query('begin')
    await reader.query(`select from ${prefix}_orders.orders limit 1`)
    await demo.line(/^\{/)
    const counted = await countAll(reader, prefix)
    await reader.query('commit')
    reader.release()
    const { code } = await demo.exited

    expect(code, demo.output).toBe(0)
    const report = reportOf(demo)
    expect(report).toMatchObject(counted)
    // Each tenth order is of the customer without a credit limit.
    expect(report).toMatchObject({ orders: 150, pending: 0, written: 300, published: 300, handled: 300 })
    expect(report).toMatchObject({ deadLetters: 15, replayed: 15, lost: 0 })
    expect(report).toMatchObject({ handledTwice: 0, limitViolations: 0 })
    expect(report['duplicates']).toBeGreaterThan(0)
    expect(await leftIn(database.pool)).toEqual([])
    expect(await leftOn(vhost.url)).toEqual([])
  })

  it('run with nothing installed but Node: an embedded PostgreSQL and a broker in memory', async () => {
    await using demo = startDemo(['--once', '--count', '40'])
    const { code } = await demo.exited

    expect(code, demo.output).toBe(0)
    expect(reportOf(demo)).toMatchObject({
      ...{ orders: 40, pending: 0, written: 80, handled: 80, lost: 0, handledTwice: 0 },
      ...{ deadLetters: 4, replayed: 4 },
    })
    expect(reportOf(demo)['duplicates']).toBeGreaterThan(0)
  })

  it('go on with an admin API that tells what the demo has told, and finish when they are interrupted', async () => {
    await using database = await createTestDatabase()
    await using demo = startDemo(['--stay', '--count', '30', '--database-url', database.url])
    await demo.line(/Ctrl-C ends/)
    const { url, get, post } = api(demo)

    expect(await get('/failure-groups')).toMatchObject({ items: [] })
    const { items: bulks } = await get('/bulk-operations')
    const told = /sent twice with one Idempotency-Key: (bulk-\d+) and (bulk-\d+)$/m.exec(demo.output)
    expect(bulks).toMatchObject([
      { id: told?.[1], state: 'finished', progress: { matched: 3, succeeded: 3, failed_again: 0 } },
    ])
    expect(told?.[2]).toBe(told?.[1])
    const { items: replayed } = await get(`/bulk-operations/${told?.[1] ?? ''}/items`)
    expect(replayed.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded', 'succeeded'])
    const letter = await get(`/dead-letters/${String(replayed[0]?.['letter_id'])}`)
    expect(demo.output).toContain(`3 × order.created in demo-credit, given up on after 3 attempts`)
    expect(letter).toMatchObject({
      ...{ state: 'resolved', consumer: 'demo-credit', type: 'order.created' },
      error_message: 'customer-2 has no credit limit.',
    })
    expect(demo.output).toContain(`"${String(letter['error_message'])}"`)
    expect((await fetch(`${url}/me`)).status).toBe(401)

    // Paused, the services would never finish by themselves.
    await post('/consumers/demo-credit/pause', { reason: 'A look.' })
    const { code } = await demo.kill('SIGINT')
    expect(code, demo.output).toBe(0)
    expect(demo.output).toContain('demo-credit was paused and goes on')
    expect(reportOf(demo)).toMatchObject({ deadLetters: 3, replayed: 3, lost: 0, pending: 0 })
    expect(await leftIn(database.pool)).toEqual([])
  })
})

describe('an interrupted demo', () => {
  it.each(['Starting', 'admin API', 'failure-groups'])(
    'leaves nothing on servers that it was given, after "%s"',
    async (moment) => {
      await using database = await createTestDatabase()
      await using vhost = await createTestVhost()
      const servers = ['--database-url', database.url, '--amqp-url', vhost.url]
      await using demo = startDemo(['--once', '--count', '300', ...servers])
      await demo.line(new RegExp(moment))
      const { code } = await demo.kill('SIGINT')

      expect(code, demo.output).toBe(130)
      expect(await leftIn(database.pool)).toEqual([])
      expect(await leftOn(vhost.url)).toEqual([])
    },
  )

  it.each([1, 2])('takes its own PostgreSQL with it when Ctrl-C comes %i times', async (times) => {
    await using directory = await createTempDir()
    await chmod(directory.path, 0o755)
    await using demo = startDemo(['--once'], { TMPDIR: directory.path })
    await demo.line(/failure-groups/)
    for (let sent = 1; sent < times; sent += 1) void demo.kill('SIGINT')
    const { code } = await demo.kill('SIGINT')

    expect(code, demo.output).toBe(130)
    expect((await readdir(directory.path)).filter((name) => name.startsWith('waybill-demo'))).toEqual([])
  })
})

describe('a demo that cannot run', () => {
  it('says what is wrong with its options', async () => {
    const cases = [
      { args: ['--count', '0'], says: '--count must be a whole number from 1' },
      { args: ['--count', '1.5'], says: '--count must be a whole number from 1' },
      { args: ['--nope'], says: "Unknown option '--nope'" },
      { args: ['--once', '--stay'], says: 'contradict' },
      { args: ['--database-url', 'u:secret@localhost'], says: '--database-url must begin with postgres://' },
    ]
    await Promise.all(
      cases.map(async ({ args, says }) => {
        await using demo = startDemo(args)
        expect(await demo.exited, demo.output).toMatchObject({ code: 2 })
        expect(demo.output).toContain(says)
        expect(demo.output).not.toContain('secret')
      }),
    )
  })

  it.each([
    { args: ['--database-url', 'postgres://u:secret@127.0.0.1:1/x'], says: 'The database cannot be used' },
    { args: ['--amqp-url', 'amqp://u:secret@127.0.0.1:1'], says: 'The broker cannot be connected to' },
  ])('says which server does not answer, and ends: $says', async ({ args, says }) => {
    await using demo = startDemo(['--once', ...args])
    expect(await demo.exited, demo.output).toMatchObject({ code: 1 })
    expect(demo.output).toContain(says)
    expect(demo.output).not.toContain('secret')
  })

  it('keeps away from a broker on which another one runs', async () => {
    await using vhost = await createTestVhost()
    await using first = startDemo(['--stay', '--count', '10', '--amqp-url', vhost.url])
    await first.line(/admin API/)
    await using second = startDemo(['--once', '--amqp-url', vhost.url])
    expect(await second.exited).toMatchObject({ code: 1 })
    expect(second.output).toContain('no other demo runs')

    await first.line(/Ctrl-C ends/)
    expect(await first.kill('SIGINT')).toMatchObject({ code: 0 })
  })
})

/** Of the schemas that the demo has made. */
async function prefixOf(client: pg.PoolClient): Promise<string> {
  const { rows } = await client.query<{ nspname: string }>(
    "select nspname from pg_namespace where nspname ~ '^waybill_demo_[0-9a-f]+_orders$'",
  )
  return rows[0]?.nspname.replace(/_orders$/, '') ?? ''
}

/** Counted by other means than the demo's: from attempts and audit, and from each table by itself. */
async function countAll(client: pg.PoolClient, prefix: string): Promise<Counts> {
  const waybill = `${prefix}_credit_waybill`
  const { rows } = await client.query<Record<string, number>>(`
    select
      (select count(*)::int from ${prefix}_orders.orders) as orders,
      (select count(*)::int from ${prefix}_orders.orders where decisions = 0) as pending,
      (select count(*)::int from ${prefix}_orders.orders where decisions > 1) as "handledTwice",
      (select count(*)::int from ${prefix}_orders_waybill.inbox) + (select count(*)::int from ${waybill}.inbox) as handled,
      (select count(*)::int from (
        select failure_id from ${waybill}.failure_attempt where outcome = 'failed' group by failure_id having count(*) = 3
      ) as given_up) as "deadLetters",
      (select count(*)::int from ${waybill}.failure_attempt where replay and outcome = 'handled') as replayed,
      (select count(*)::int from ${prefix}_credit.account where reserved > credit_limit or credit_limit is null)
        as "limitViolations"`)
  const left = await client.query<{ count: number }>(`
    select (select count(*)::int from ${prefix}_orders_waybill.outbox) + (select count(*)::int from ${waybill}.outbox) +
      (select count(*)::int from ${waybill}.failed_message where state <> 'resolved') as count`)
  expect(left.rows).toEqual([{ count: 0 }])
  return rows[0] ?? {}
}

async function leftIn(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ nspname: string }>(
    "select nspname from pg_namespace where nspname like 'waybill%'",
  )
  return rows.map(({ nspname }) => nspname)
}

/** Queues and exchanges of the demo that the broker still has. */
async function leftOn(url: string): Promise<string[]> {
  const connection = await connect(url)
  try {
    const found: string[] = []
    for (const service of ['demo-orders', 'demo-credit']) {
      for (const [kind, name] of [
        ['queue', service],
        ['queue', `${service}.dlq`],
        ['exchange', `${service}.events`],
        ['exchange', `${service}.dlx`],
      ] as const) {
        // The broker closes a channel on which something was asked for that is not there.
        const channel = await connection.createChannel()
        channel.on('error', () => undefined)
        const check = kind === 'queue' ? channel.checkQueue(name) : channel.checkExchange(name)
        await check.then(
          () => found.push(`${kind} ${name}`),
          () => undefined,
        )
      }
    }
    return found
  } finally {
    await connection.close()
  }
}

interface Answer extends Readonly<Record<string, unknown>> {
  readonly items: readonly Readonly<Record<string, unknown>>[]
}

/** As somebody uses it who has pasted the lines that the demo prints. */
function api({ output }: Child) {
  const url = /^API=(.*)$/m.exec(output)?.[1] ?? ''
  const authorization = /^AUTH='Authorization: (.*)'$/m.exec(output)?.[1] ?? ''
  expect(new URL(url).hostname).toBe('127.0.0.1')
  const ask = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': 'once' }
    const response = await fetch(url + path, { ...init, headers })
    expect(response.status).toBe(200)
    return (await response.json()) as Answer
  }
  return {
    url,
    get: (path: string) => ask(path),
    post: (path: string, body: object) => ask(path, { method: 'POST', body: JSON.stringify(body) }),
  }
}
