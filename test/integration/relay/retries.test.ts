import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OutgoingMessage, PublishOutcome } from '../../../src/ports.ts'
import type { RelayOptions } from '../../../relay/index.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, firstArrivals, numbered, outOfOrder, type World, type Written } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
})

const REFUSED: PublishOutcome = { kind: 'refused', error: new Error('queue full') }
const CONFIRMED: PublishOutcome = { kind: 'confirmed' }
/** Retries soon, so that a test need not wait. */
const SOON: RelayOptions = { retryBaseMs: 50, retryMaxMs: 200 }

interface ParkedRow {
  readonly key: string
  readonly state: string
  readonly attempts: number
  readonly reason: string
}

async function parked(): Promise<readonly ParkedRow[]> {
  const { rows } = await world.database.pool.query<ParkedRow>(
    'select key, state, attempts, reason from waybill.parked order by id',
  )
  return rows
}

/** Lets one message be refused as long as `isSick` says so, and takes all others. */
function refuseOne(isSick: (refusals: number) => boolean): { readonly confirmed: OutgoingMessage[] } {
  const confirmed: OutgoingMessage[] = []
  let refusals = 0
  world.broker.answer = (message) => {
    if (message.key === 'key-3' && message.body.toString() === '5' && isSick(refusals)) {
      refusals += 1
      return REFUSED
    }
    confirmed.push(message)
    return CONFIRMED
  }
  return { confirmed }
}

/** Something else for the exchange to take, so that a refusal is held against the message. */
async function keepBusy(while_: () => boolean): Promise<void> {
  for (let n = 0; while_(); n += 1) {
    await world.write([{ key: `busy-${String(n)}`, body: '0' }])
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe('a message that the broker refuses while it takes others', () => {
  test('is tried again until it is taken; those of its key wait and then follow, all others flow', async () => {
    const { confirmed } = refuseOne((refusals) => refusals < 6)
    await world.write(numbered(400, 20))
    const { counts } = await world.start(SOON)
    await world.start(SOON)
    await eventually(async () => (await parked()).length === 1)
    expect(await parked()).toMatchObject([{ key: 'key-3', state: 'retry', reason: 'refused' }])

    let isDone = false
    const busy = keepBusy(() => !isDone)
    await eventually(
      async () => (await parked()).length === 0 && confirmed.some(({ key }) => key === 'key-3'),
    )
    isDone = true
    await busy
    await world.drained()
    expect(outOfOrder(confirmed)).toEqual([])
    expect(firstArrivals(confirmed).get('key-3')).toHaveLength(20)
    expect(confirmed.filter(({ key, body }) => key === 'key-3' && body.toString() === '5')).toHaveLength(1)
    expect(counts.sweepFound).toBe(0)
  })

  test('is dead after its attempts and blocks its key, until somebody makes it due again', async () => {
    let isSick = true
    const { confirmed } = refuseOne(() => isSick)
    await world.write(numbered(200, 10))
    const { relay } = await world.start({ ...SOON, retryAttempts: 3 })
    let isDead = false
    const busy = keepBusy(() => !isDead)
    await eventually(async () => (await parked()).some(({ state }) => state === 'dead'))
    isDead = true
    await busy
    expect(await parked()).toEqual([{ key: 'key-3', state: 'dead', attempts: 3, reason: 'refused' }])
    await eventually(async () => (await world.left()) === 14)
    expect(relay.status().blockedKeys).toBe(1)

    isSick = false
    await world.database.pool.query(
      "update waybill.parked set state = 'retry', attempts = 0, next_attempt_at = clock_timestamp()",
    )
    await world.drained()
    expect(await parked()).toEqual([])
    expect(outOfOrder(confirmed)).toEqual([])
    expect(firstArrivals(confirmed).get('key-3')).toHaveLength(20)
  })

  test('lets its key go on when told so, and is still tried again', async () => {
    const { confirmed } = refuseOne((refusals) => refusals < 6)
    await world.write(numbered(200, 10))
    await world.start({ ...SOON, onDead: 'skip' })
    let isDone = false
    const busy = keepBusy(() => !isDone)
    await eventually(() => confirmed.some(({ key, body }) => key === 'key-3' && body.toString() === '5'))
    isDone = true
    await busy
    await world.drained()
    const bodies = firstArrivals(confirmed).get('key-3')
    expect(bodies?.indexOf('5')).toBeGreaterThan(bodies?.indexOf('6') ?? Infinity)
    expect(bodies).toHaveLength(20)
    await eventually(async () => (await parked()).length === 0)
  })

  test('is tried again although more than one answer brings are due before it and cannot go', async () => {
    const { confirmed } = refuseOne(() => false)
    const take = world.broker.answer
    world.broker.answer = (message) =>
      message.exchange === 'shut' ? { kind: 'gated', error: new Error('missing') } : take(message)
    const many = (exchange: string, from: number, to: number): Written[] =>
      Array.from({ length: to - from }, (_, n) => ({ exchange, key: 'one lane', body: String(from + n) }))
    await world.write([...many('shut', 0, 1500), ...many('tests.events', 1500, 2800)])
    await world.database.pool.query(`
      with moved as (delete from waybill.outbox returning *)
      insert into waybill.parked (id, lane, version, created_at, message_id, key, type, source, exchange, routing_key,
        headers, content_type, payload, state, attempts, next_attempt_at, reason, error)
      select id, lane, version, created_at, message_id, null, type, source, exchange, routing_key, headers, content_type,
        payload, 'retry', 1, now() - interval '1 hour' + id * interval '1 ms', 'refused', '' from moved`)
    await world.write([{ exchange: 'shut' }])
    await world.start({ ...SOON, retryBaseMs: 1000, gateMaxMs: 60_000 })
    await eventually(async () => (await parked()).length === 1500)
    expect(confirmed).toHaveLength(1300)
    expect(new Set(confirmed.map(({ messageId }) => messageId)).size).toBe(1300)
  })

  test('spends no attempt while the broker is away, and is taken over by the next relay', async () => {
    let isSick = true
    const { confirmed } = refuseOne(() => isSick)
    await world.write(numbered(200, 10))
    const first = await world.start(SOON)
    await eventually(async () => (await parked()).length === 1)
    first.transport.setAway(true)
    const [before] = await parked()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect((await parked())[0]?.attempts).toBe(before?.attempts)

    isSick = false
    await first.kill()
    await world.start(SOON)
    await world.drained()
    await eventually(async () => (await parked()).length === 0)
    expect(outOfOrder(confirmed)).toEqual([])
  })
})
