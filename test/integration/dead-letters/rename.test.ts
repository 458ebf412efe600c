import { expect, it } from 'vitest'
import { PermanentError } from '../../../src/index.ts'
import { createOperations, type DeadLetterOperations } from '../../../src/ports.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld as createConsumers, QUEUE, recordEffect } from '../consuming/world.ts'
import { ADA, createWorld, type World } from './world.ts'

const conflict = { code: 'WAYBILL_STATE_CONFLICT' }

/** All that a consumer can leave behind. */
async function leaveTraces({ pool, fail }: World): Promise<string> {
  const id = await fail({ key: 'k', blocking: true })
  for (const statement of [
    `insert into waybill.inbox (message_id, consumer, fingerprint) values (gen_random_uuid(), 'billing', 1)`,
    `insert into waybill.inbox_retention (consumer, retention_ms) values ('billing', 1)`,
    `insert into waybill.partition_plan values ('billing', 'billing', 4, 10)`,
    `insert into waybill.partition (consumer, partition) values ('billing', 0), ('billing', 1)`,
    `insert into waybill.consumer_instance values
       (gen_random_uuid(), 'billing', 'billing', 'key', 'h', now(), now() - interval '1 minute')`,
  ])
    await pool.query(statement)
  return id
}

it('keeps inbox, failures, bulk operations, pause and audit trail of a consumer that gets another name', async () => {
  await using world = await createWorld()
  const { services, bulk, letters, audit } = world.operations
  const id = await leaveTraces(world)
  await services.pause('consumer', 'billing', { by: ADA, reason: 'Its database moves.' })
  await letters.discard(id, { by: ADA, reason: 'By mistake.' })
  await letters.restore(id, { by: ADA, confirm: ['order'] })
  const job = await bulk.start({ by: ADA, action: 'replay', selection: { filter: { consumer: 'billing' } } })
  await bulk.pause(job.id, { by: ADA })

  expect(await services.previewRename('billing', 'invoicing')).toMatchObject({
    dead: { count: 1 },
    pause: { reason: 'Its database moves.' },
  })
  expect((await letters.show(id)).consumer).toBe('billing')
  await services.rename('billing', 'invoicing', { by: ADA, reason: 'One word, one meaning.' })

  const tables = ['inbox', 'inbox_retention', 'partition_plan', 'partition', 'failure']
  for (const table of tables) {
    const { rows } = await world.pool.query(`select distinct consumer from waybill.${table}`)
    expect(rows, table).toEqual([{ consumer: 'invoicing' }])
  }
  expect(await services.consumers()).toMatchObject([
    { name: 'invoicing', dead: { count: 1 }, pause: { reason: 'Its database moves.', pausedBy: 'ada' } },
  ])
  expect((await audit.list({ target: id })).items.map(({ action }) => action)).toEqual([
    'dead-letters.restore',
    'dead-letters.discard',
  ])
  for (const [target, details] of [
    ['consumer billing', { to: 'invoicing' }],
    ['consumer invoicing', { from: 'billing' }],
  ] as const) {
    const { items } = await audit.list({ target, action: 'consumers.rename' })
    expect(items).toMatchObject([{ actor: 'ada', details, reason: 'One word, one meaning.' }])
  }
  // The job that is under way keeps out others for the same consumer, and goes on.
  const rival = bulk.start({ by: ADA, action: 'replay', selection: { filter: { consumer: 'invoicing' } } })
  await expect(rival).rejects.toMatchObject({ ...conflict, details: { bulkId: job.id } })
  await bulk.resume(job.id, { by: ADA })
  await bulk.work()
  expect((await letters.show(id)).state).toBe('retry')
})

it('refuses while an instance of either name runs, and when anything is kept of the new name', async () => {
  await using world = await createWorld()
  const { services } = world.operations
  await leaveTraces(world)
  const rename = () => services.rename('billing', 'invoicing', { by: ADA })
  const traces: Readonly<Record<string, string>> = {
    'consumer_instance of the old name': `insert into waybill.consumer_instance values
      (gen_random_uuid(), 'billing', 'billing', 'key', 'h', now(), now() + interval '1 minute')`,
    'consumer_instance of the new name': `insert into waybill.consumer_instance values
      (gen_random_uuid(), 'invoicing', 'billing', 'key', 'h', now(), now() + interval '1 minute')`,
    partition_member: `insert into waybill.partition_member (instance_id, consumer, host, expires_at)
      values (gen_random_uuid(), 'billing', 'h', now() + interval '1 minute')`,
    inbox: `insert into waybill.inbox (message_id, consumer, fingerprint) values (gen_random_uuid(), 'invoicing', 1)`,
    inbox_retention: `insert into waybill.inbox_retention (consumer, retention_ms) values ('invoicing', 1)`,
    partition_plan: `insert into waybill.partition_plan values ('invoicing', 'q', 4, 10)`,
    pause: `insert into waybill.pause values ('consumer', 'invoicing', now(), 'ada', 'So.')`,
  }
  for (const [what, statement] of Object.entries(traces)) {
    await world.pool.query(statement)
    await expect(services.previewRename('billing', 'invoicing'), what).rejects.toMatchObject(conflict)
    await expect(rename(), what).rejects.toMatchObject(conflict)
    const [, table = ''] = /into waybill\.(\w+)/.exec(statement) ?? []
    await world.pool.query(
      table === 'pause'
        ? `delete from waybill.pause`
        : `delete from waybill.${table} where consumer = 'invoicing' or '${table}' in ('consumer_instance', 'partition_member')`,
    )
  }
  const failure = await world.fail({ consumer: 'invoicing' })
  await expect(rename()).rejects.toMatchObject(conflict)
  await world.pool.query('delete from waybill.failure where failure_id = $1', [failure.slice(3)])
  await expect(services.rename('billing', 'billing', { by: ADA })).rejects.toMatchObject(conflict)
  await expect(services.rename('biling', 'x', { by: ADA })).rejects.toMatchObject({
    code: 'WAYBILL_NOT_FOUND',
  })
  await expect(rename()).resolves.toBeUndefined()
})

it('takes all of it back when an instance starts meanwhile', async () => {
  await using world = await createWorld()
  await leaveTraces(world)
  await using blocked = await holdInbox(world)
  const renamed = expect(world.operations.services.rename('billing', 'invoicing', { by: ADA })).rejects
  await blocked.reached()
  await world.pool.query(`insert into waybill.consumer_instance values
    (gen_random_uuid(), 'billing', 'billing', 'key', 'h', now(), now() + interval '1 minute')`)
  await blocked.letGo()
  await renamed.toMatchObject(conflict)
  expect(await namesIn(world)).toEqual(['billing'])
})

async function namesIn({ pool }: World): Promise<string[]> {
  const { rows } = await pool.query<{ consumer: string }>(
    'select consumer from waybill.inbox union select consumer from waybill.failure',
  )
  return rows.map(({ consumer }) => consumer)
}

/** Somebody who has the entry in the inbox, so that who renames has to wait in the middle. */
async function holdInbox({ pool }: World) {
  const client = await pool.connect()
  await client.query('begin')
  await client.query('select from waybill.inbox for update')
  const letGo = async (): Promise<void> => {
    await client.query('rollback')
  }
  return {
    letGo,
    reached: () =>
      eventually(async () => {
        const waiting = await pool.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%update%inbox%'
             and datname = current_database()`,
        )
        return waiting.rowCount === 1
      }),
    [Symbol.asyncDispose]: async () => {
      await letGo()
      client.release()
    },
  }
}

it('lets the new name take over where the old one was: nothing is handled twice, what had failed is tried again', async () => {
  await using world = await createConsumers()
  const operations: DeadLetterOperations = createOperations({ database: world.database })
  const { services, letters } = operations
  let isMended = false
  const options = {
    handlers: {
      'order.placed': async (
        { messageId, key }: { readonly messageId: string; readonly key: string | null },
        { tx }: { readonly tx: Parameters<typeof recordEffect>[1] },
      ) => {
        if (key === 'bad' && !isMended) throw new PermanentError('No such customer.')
        await recordEffect(messageId, tx)
      },
    },
  }
  const before = await world.consume(options)
  const [good = ''] = await world.place(1)
  const [bad = ''] = await world.place(1, { key: 'bad' })
  await eventually(
    async () => (await world.kept())[0]?.state === 'dead' && (await world.effects()).size === 1,
  )
  await expect(services.rename(QUEUE, 'invoicing', { by: ADA })).rejects.toMatchObject(conflict)
  await before.consumer.stop()
  await services.rename(QUEUE, 'invoicing', { by: ADA })

  const after = await world.consume({ ...options, name: 'invoicing', queue: QUEUE })
  await world.place(1, { messageId: good })
  await eventually(() => after.outcomes.includes('duplicate'))
  isMended = true
  const [letter] = (await letters.list({ consumer: 'invoicing' })).items
  await letters.replay(letter?.id ?? '', { by: ADA })
  await eventually(async () => (await world.effects()).size === 2)
  expect(await world.effects()).toEqual(
    new Map([
      [good, 1],
      [bad, 1],
    ]),
  )
})
