import pg from 'pg'
import { expect, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { restoreCopy } from '../../support/postgres-copy.ts'
import { startPostgres } from '../../support/postgres-server.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { createWorld, numbered, outOfOrder } from './world.ts'

const AN_HOUR = 3_600_000

/** Nothing but a fetch tells such a relay anything: no sweep, no renewal and no look at its lanes falls due. */
const SILENT = {
  leaseMs: AN_HOUR,
  renewMs: AN_HOUR / 4,
  rebalanceMs: AN_HOUR,
  sweepMs: AN_HOUR,
  rotateMs: AN_HOUR,
}

test('an answer of another server, got without any error, makes all hints void: what is hidden by them is found', async () => {
  await using primary = await startPostgres()
  const target = { host: '127.0.0.1', port: primary.port }
  await using proxy = await startTcpProxy(target)
  const pool = new pg.Pool({ connectionString: primary.url })
  pool.on('error', () => undefined)
  await using world = await createWorld({ url: proxy.url(primary.url), pool })
  const { relay } = await world.start(SILENT)
  await eventually(() => relay.status().lanes.length === 16)
  await using copy = await restoreCopy(primary)

  // The relay's hints come to cover positions that the copy will give out to others.
  for (let round = 1; round <= 5; round += 1) {
    await world.write(
      numbered(40, 8).map((record) => ({ ...record, key: `${String(round)} ${String(record.key)}` })),
    )
    relay.wake()
    await world.drained()
  }
  const published = world.broker.arrived.length

  const copyPool = new pg.Pool({ connectionString: copy.url })
  copyPool.on('error', () => undefined)
  await copyPool.query(
    'do $$ begin for i in 1..500 loop perform pg_current_xact_id(); commit; end loop; end $$',
  )
  await world.write(numbered(80, 8), copyPool)
  // It even gets further than the primary ever did, so that nothing seems to have gone back.
  await copyPool.query(`select max(nextval('waybill.outbox_id_seq')) from generate_series(1, 1000)`)

  target.port = copy.port
  const before = proxy.accepted
  proxy.sever()
  // The relay looks for messages again soon, and by then knows that its connections are gone.
  await eventually(() => proxy.accepted > before)
  relay.wake()
  await eventually(async () => {
    const { rows } = await copyPool.query('select from waybill.outbox')
    return rows.length === 0
  })
  expect(world.broker.arrived.length - published).toBe(80)
  expect(outOfOrder(world.broker.arrived.slice(published))).toEqual([])
  await world[Symbol.asyncDispose]()
  for (const one of [pool, copyPool]) await one.end()
})
