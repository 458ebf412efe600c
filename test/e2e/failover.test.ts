import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { caughtUp, dumpInto, promote, restoreCopy, startStandby } from '../support/postgres-copy.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { createMovableDatabase, retained, rollBackPrepared, verdictWithout } from './movable-database.ts'
import type { Stage } from './stage.ts'

const NOTICED = /"The database was restored or has failed over/

/** Services write for as long as it takes until so many messages have arrived. */
async function loadFor(stage: Stage, arrivals: number): Promise<void> {
  const { length } = stage.history.arrivals
  const load = stage.startLoad()
  await eventually(() => stage.history.arrivals.length >= length + arrivals)
  await load.stop()
}

/** All that was written up to now and is not in `kept`. */
const lostWithout = ({ history }: Stage, kept: ReadonlyMap<string, string>): Set<string> =>
  new Set([...history.written.keys()].filter((id) => !kept.has(id)))

const emptied = (stage: Stage): Promise<true> =>
  eventually(async () => {
    const { rows } = await stage.pool.query('select from waybill.outbox')
    return rows.length === 0
  })

/** From now on published records stay: the relay has their confirms and cannot remove them. */
const FORBID_REMOVAL = `
create function hinder() returns trigger language plpgsql as $$ begin raise 'not now'; end $$;
create trigger hinder before delete on waybill.outbox for each statement execute function hinder()`

describe('a relay whose database is another one than before', () => {
  it('publishes all that a promoted backup holds, and removes no stranger that has got a lost position', async () => {
    await using movable = await createMovableDatabase()
    const { stage, primary } = movable
    const relay = await stage.relay()
    const load = stage.startLoad()
    await eventually(() => stage.history.arrivals.length > 100)
    await using copy = await restoreCopy(primary)
    await rollBackPrepared(copy)
    await load.stop()
    await stage.settled()

    // The copy lacks these. They are confirmed, and their removal is still to come when the primary is gone.
    await stage.pool.query(FORBID_REMOVAL)
    for (let version = 1; version <= 400; version += 1) await stage.write(`order ${version % 40}`, version)
    await eventually(async () => {
      const arrived = new Set(stage.history.arrivals.map(({ messageId }) => messageId))
      return [...(await retained(primary)).keys()].every((id) => arrived.has(id))
    })
    const confirmed = await retained(primary)

    const kept = await retained(copy)
    const lost = lostWithout(stage, kept)
    const copyPool = new pg.Pool({ connectionString: copy.url })
    // Others have drawn what lies between, and rolled back.
    const positions = [...confirmed.values()].map((place) => Number(place.split(' ')[1]))
    await copyPool.query(`select setval('waybill.outbox_id_seq', $1, false)`, [Math.min(...positions)])
    for (let version = 1; version <= 400; version += 1)
      await stage.write(`order ${version % 40}`, version, copyPool)
    await copyPool.end()
    const places = new Set(confirmed.values())
    expect([...(await retained(copy)).values()].filter((place) => places.has(place))).not.toEqual([])

    await primary.stop('immediate')
    stage.fault('server lost', 'any')
    movable.moveTo(copy)
    await relay.line(NOTICED)
    await loadFor(stage, 100)
    await emptied(stage)
    expect((await verdictWithout(stage, lost)).violations).toEqual([])

    const { clusters, attention, table } = await movable.status()
    expect(clusters.map(({ timeline }) => timeline)).toEqual([2, 1])
    expect(attention).toEqual([expect.stringContaining('failed over to another timeline')])
    expect(table).toMatch(/^Cluster {3}\d+, timeline 2, /m)
    expect(table).toContain('ATTENTION The database failed over')
  })

  it('publishes all that a standby holds which takes over without the last commits', async () => {
    await using movable = await createMovableDatabase()
    const { stage, primary } = movable
    await using replication = await startTcpProxy({ host: '127.0.0.1', port: primary.port })
    await using standby = await startStandby(replication)
    const relay = await stage.relay()
    await loadFor(stage, 100)
    // Written, and not yet published, while the standby still follows.
    const load = stage.startLoad()
    await eventually(() => stage.history.arrivals.length > 200)
    await caughtUp(standby, primary)
    replication.blackhole('both')
    await eventually(() => stage.history.arrivals.length > 400)
    await load.stop()
    await stage.settled()

    await primary.kill('SIGKILL')
    stage.fault('server lost', 'any')
    await promote(standby)
    await rollBackPrepared(standby)
    const kept = await retained(standby)
    const lost = lostWithout(stage, kept)
    movable.moveTo(standby)
    await relay.line(NOTICED)
    await loadFor(stage, 200)
    await emptied(stage)
    expect((await verdictWithout(stage, lost)).violations).toEqual([])
    expect((await movable.status()).clusters.map(({ timeline }) => timeline)).toEqual([2, 1])
  })

  it('publishes all that was restored into another cluster, whose transaction ids are far behind', async () => {
    await using movable = await createMovableDatabase()
    await using other = await startPostgres()
    const { stage, primary } = movable
    await stage.pool.query(
      'do $$ begin for i in 1..3000 loop perform pg_current_xact_id(); commit; end loop; end $$',
    )
    for (let version = 1; version <= 300; version += 1) await stage.write(`kept ${version % 30}`, version)
    await dumpInto(primary, other)
    await primary.stop('immediate')
    movable.moveTo(other)

    const relay = await stage.relay()
    await relay.line(NOTICED)
    await stage.settled()
    await loadFor(stage, 200)
    await stage.settled()
    expect(await stage.verdict()).toMatchObject({ duplicates: 0, violations: [] })

    const { clusters, attention, table } = await movable.status()
    expect(new Set(clusters.map(({ systemIdentifier }) => systemIdentifier)).size).toBe(2)
    expect(attention).toEqual([expect.stringContaining('restored into another cluster')])
    expect(table).toContain('ATTENTION The database was restored')
  })
})
