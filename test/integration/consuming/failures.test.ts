import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { PermanentError } from '../../../src/index.ts'
import { startChild } from '../../support/child.ts'
import { eventually } from '../../support/eventually.ts'
import { DRIVERS, runSql } from './drivers.ts'
import { createWorld, recordEffect, type Kept } from './world.ts'

describe.each(DRIVERS)('a message that fails, by %s,', (driver) => {
  it('C10: is tried again after growing pauses, then is a dead letter, while others flow', async () => {
    await using world = await createWorld({ driver })
    const runs: number[] = []
    const { outcomes } = await world.consume({
      retry: { attempts: 4, baseMs: 200, maxMs: 10_000 },
      handlers: {
        'order.placed': async ({ messageId, key }, { tx }) => {
          await recordEffect(messageId, tx)
          if (key !== 'bad') return
          runs.push(performance.now())
          throw new Error('No such customer.')
        },
      },
    })
    await world.place(1, { key: 'bad' })
    const good = await world.place(20)
    await eventually(async () => (await world.effects()).size === 20)
    await eventually(async () => (await world.kept())[0]?.state === 'dead')
    expect(await world.kept()).toMatchObject([{ reason: 'exhausted', attempts: 4 }])
    expect(runs).toHaveLength(4)
    const pauses = runs.slice(1).map((at, index) => at - (runs[index] ?? 0))
    for (const [index, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(0.5 * 200 * 2 ** index)
    }
    expect([...(await world.effects()).keys()].sort()).toEqual([...good].sort())
    expect(outcomes.filter((outcome) => outcome === 'handled')).toHaveLength(20)
    expect(await world.inDeadLetters()).toBe(0)
    const { rows } = await world.pool.query<{ outcome: string }>(
      'select outcome from waybill.failure_attempt order by attempt_id',
    )
    expect(rows.map(({ outcome }) => outcome)).toEqual(Array(4).fill('failed'))
  })

  it('is handled after all, once, with its attempts on record', async () => {
    await using world = await createWorld({ driver })
    let failures = 2
    const { consumer } = await world.consume({
      retry: { baseMs: 100, maxMs: 1_000 },
      handlers: {
        'order.placed': async ({ messageId }, { tx, outbox }) => {
          await recordEffect(messageId, tx)
          await outbox.write({ type: 'order.paid', payload: { orderId: 'o' } })
          failures -= 1
          if (failures >= 0) throw new Error('Not yet.')
        },
      },
    })
    const [id = ''] = await world.place(1)
    await eventually(async () => (await world.kept())[0]?.state === 'resolved')
    expect(await world.effects()).toEqual(new Map([[id, 1]]))
    const { rows } = await world.pool.query<{ outcome: string }>(
      'select outcome from waybill.failure_attempt order by attempt_id',
    )
    expect(rows.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'handled'])
    expect((await world.pool.query('select from waybill.outbox')).rows).toHaveLength(1)
    await world.place(1, { messageId: id })
    await eventually(async () => (await world.inQueue()) === 0 && consumer.status().running === 0)
    expect(await world.effects()).toEqual(new Map([[id, 1]]))
  })

  it('22: many that can never be handled stand at the head, and the others flow', async () => {
    await using world = await createWorld({ driver })
    const declaring = await world.consume()
    await declaring.consumer.stop()
    await world.place(150, { key: 'bad' })
    const good = await world.place(20)
    await world.consume({
      handlers: {
        'order.placed': async ({ messageId, key }, { tx }) => {
          if (key === 'bad') throw new PermanentError('Never.')
          await recordEffect(messageId, tx)
        },
      },
    })
    await eventually(async () => (await world.effects()).size === 20)
    expect([...(await world.effects()).keys()].sort()).toEqual([...good].sort())
    await eventually(async () => (await world.kept()).length === 150)
    const kept = await world.kept()
    expect(new Set(kept.map(({ state, reason }) => `${state} ${reason}`))).toEqual(
      new Set(['dead permanent']),
    )
    await eventually(async () => (await world.inQueue()) === 0)
  })

  it('spends no attempt when the database fails under it', async () => {
    await using world = await createWorld({ driver })
    let runs = 0
    await world.consume({
      retry: { attempts: 2, baseMs: 100, maxMs: 1_000 },
      handlers: {
        'order.placed': async ({ messageId }, { tx }) => {
          runs += 1
          await recordEffect(messageId, tx)
          if (runs === 1) throw new Error('Not yet.')
          if (runs < 5)
            await runSql(tx, 'select pg_terminate_backend(pg_backend_pid())').catch(() => undefined)
        },
      },
    })
    const [id = ''] = await world.place(1)
    await eventually(async () => (await world.kept())[0]?.state === 'resolved')
    expect(await world.kept()).toMatchObject([{ attempts: 1, crashes: 0 }])
    expect(await world.effects()).toEqual(new Map([[id, 1]]))
  })
})

describe('what is kept of a failure', () => {
  it('is each attempt with its error and stack, the place in the application, and what it has in common with others', async () => {
    await using world = await createWorld()
    const bookOrder = (times: number): never => {
      throw new TypeError(`No stock at try ${String(times)}.`)
    }
    const runs = new Map<string, number>()
    await world.consume({
      retry: { attempts: 3, baseMs: 100, maxMs: 200 },
      handlers: {
        'order.placed': ({ messageId }) => {
          runs.set(messageId, (runs.get(messageId) ?? 0) + 1)
          bookOrder(runs.get(messageId) ?? 0)
        },
      },
    })
    await world.place(2)
    await eventually(async () => (await world.kept()).filter(({ state }) => state === 'dead').length === 2)
    const { rows: failures } = await world.pool.query<Record<string, string>>(
      'select failure_id, error_type, error_message, error_stack, error_frame, fingerprint from waybill.failure',
    )
    for (const failure of failures) {
      expect(failure).toMatchObject({ error_type: 'TypeError', error_message: 'No stock at try 3.' })
      expect(failure['error_stack']).toContain('bookOrder')
      expect(failure['error_frame']).toMatch(/failures\.test\.ts:bookOrder$/)
      expect(failure['fingerprint']).toMatch(/^[0-9a-f]{16}$/)
      const { rows: attempts } = await world.pool.query<Record<string, unknown>>(
        `select outcome, error_type, error_message, error_stack like '%bookOrder%' as has_stack, host = $2 as here,
           duration_ms >= 0 as took
         from waybill.failure_attempt where failure_id = $1 order by attempt_id`,
        [failure['failure_id'], hostname()],
      )
      const common = { outcome: 'failed', error_type: 'TypeError', has_stack: true, here: true, took: true }
      expect(attempts).toEqual(
        [1, 2, 3].map((times) => ({ ...common, error_message: `No stock at try ${String(times)}.` })),
      )
    }
    expect(new Set(failures.map(({ fingerprint }) => fingerprint)).size).toBe(1)
  })
})

describe('a message that brings its process down', () => {
  it('C2: is a dead letter after three crashes, and those around it are handled', async () => {
    await using world = await createWorld()
    const env = { WAYBILL_DATABASE_URL: world.databaseUrl, WAYBILL_AMQP_URL: world.amqpUrl }
    const declaring = await world.consume()
    await declaring.consumer.stop()
    const good = await world.place(10)
    const [poison = ''] = await world.place(1, { key: 'poison' })
    good.push(...(await world.place(10)))
    const poisoned = async (): Promise<Kept | undefined> =>
      (await world.kept()).find(({ messageId }) => messageId === poison)
    for (let crash = 0; crash < 5; crash += 1) {
      await using child = startChild('test/integration/consuming/poison.child.ts', { env })
      expect(await child.exited).toMatchObject({ signal: 'SIGKILL' })
    }
    const { outcomes } = await world.consume({ failures: { leaseMs: 1_000 } })
    await eventually(async () => (await poisoned())?.state === 'dead')
    expect(await poisoned()).toMatchObject({ reason: 'poison_crash', crashes: 3, attempts: 0 })
    await eventually(async () => (await world.effects()).size === 20)
    expect(await world.effects()).toEqual(new Map(good.map((id) => [id, 1])))
    expect(outcomes).not.toContain('released')
    expect(await world.inDeadLetters()).toBe(0)
  })
})
