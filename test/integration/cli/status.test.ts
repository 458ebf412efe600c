import { describe, expect, it } from 'vitest'
import type { StatusReport } from '../../../relay/cli/status-command.ts'
import { createTestDatabase } from '../../support/database.ts'
import { runWaybill } from './run-waybill.ts'

const WRITE = `select waybill.write(type => 'order.placed', payload => '{}', key => 'k', source => 'orders')`

describe('waybill status', () => {
  it('says that the schema is missing, with what to do', async () => {
    await using database = await createTestDatabase()
    const run = await runWaybill(['status'], { WAYBILL_DATABASE_URL: database.url })
    expect(run).toMatchObject({ code: 3, stdout: '' })
    expect(run.stderr).toContain('waybill migrate')
  })

  it('counts what waits, and asks for attention while no relay lives', async () => {
    await using database = await createTestDatabase()
    const env = { WAYBILL_DATABASE_URL: database.url }
    await runWaybill(['migrate'], env)
    for (let i = 0; i < 3; i++) await database.pool.query(WRITE)

    const run = await runWaybill(['status', '--json'], env)
    expect(run.code).toBe(5)
    const report = JSON.parse(run.stdout) as StatusReport
    expect(report).toMatchObject({
      schema: 'waybill',
      backlog: { records: 3, estimated: false },
      dead: 0,
      relays: [],
    })
    expect(report.lanes).toHaveLength(16)
    expect(report.attention).toEqual(['No relay is running.'])
    expect(report.backlog.oldestAgeMs).toBeGreaterThan(0)
  })

  it('tells how many keys are blocked, and how many messages wait behind them', async () => {
    await using database = await createTestDatabase()
    const env = { WAYBILL_DATABASE_URL: database.url }
    await runWaybill(['migrate'], env)
    for (let i = 0; i < 3; i++) await database.pool.query(WRITE)
    const { stdout: before } = await runWaybill(['status'], env)
    expect(before).toContain('Blocked   0 keys, with 0 messages waiting behind a parked one\n')
    await database.pool.query(`
      insert into waybill.parked (id, lane, version, created_at, message_id, key, type, source, exchange, routing_key,
        headers, content_type, payload, state, reason, error)
      select id - 1, lane, version, created_at, gen_random_uuid(), key, type, source, exchange, routing_key, headers,
        content_type, payload, 'dead', 'rejected', '' from waybill.outbox limit 1`)
    const { stdout } = await runWaybill(['status'], env)
    expect(stdout).toContain('Blocked   1 key, with 3 messages waiting behind a parked one\n')
    const json = JSON.parse((await runWaybill(['status', '--json'], env)).stdout) as StatusReport
    expect(json.blocked).toEqual({ keys: 1, records: 3, isComplete: true })
  })

  it('tells how many messages are for later, and when the next is due', async () => {
    await using database = await createTestDatabase()
    const env = { WAYBILL_DATABASE_URL: database.url }
    await runWaybill(['migrate'], env)
    const { stdout: before } = await runWaybill(['status'], env)
    expect(before).toContain('Scheduled 0 messages for later\n')
    for (const hours of [5, 3])
      await database.pool.query(
        `select waybill.schedule(now() + $1 * interval '1 hour', 'order.placed', '{}', 'k', 'orders')`,
        [hours],
      )
    const { stdout } = await runWaybill(['status'], env)
    expect(stdout).toMatch(/Scheduled 2 messages for later, the next in (2 h|179 min|180 min|3 h)\n/)
  })

  it('shows each relay with its host, its lanes and whether it lives', async () => {
    await using database = await createTestDatabase()
    const env = { WAYBILL_DATABASE_URL: database.url }
    await runWaybill(['migrate'], env)
    await database.pool.query(`
      insert into waybill.relay (relay_id, host, schema_version, expires_at) values
        ('00000000-0000-7000-8000-000000000001', 'alive', 1, now() + interval '1 hour'),
        ('00000000-0000-7000-8000-000000000002', 'gone', 1, now() - interval '1 hour');
      update waybill.lane set owner = '00000000-0000-7000-8000-000000000001' where lane < 10;
      update waybill.lane set owner = '00000000-0000-7000-8000-000000000002' where lane in (10, 11)`)

    const { code, stdout } = await runWaybill(['status'], env)
    expect(code).toBe(5)
    expect(stdout).toMatch(/alive \(0{8}-.*1\), live, lanes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n/)
    expect(stdout).toMatch(/gone \(0{8}-.*2\), lease expired, lanes 10, 11\n/)
    expect(stdout).toContain('Unowned   lanes 12, 13, 14, 15')
    expect(stdout).toContain('ATTENTION No live relay owns lanes 10, 11, 12, 13, 14, 15.')

    await database.pool.query(`update waybill.lane set owner = '00000000-0000-7000-8000-000000000001'`)
    const well = await runWaybill(['status'], env)
    expect(well.code).toBe(0)
    expect(well.stdout).not.toContain('ATTENTION')
  })
})
