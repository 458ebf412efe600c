import { describe, expect, it } from 'vitest'
import { defineMessages, messageType, PermanentError } from '../../../src/index.ts'
import { createOperations, type DeadLetter, type DeadLetterOperations } from '../../../src/ports.ts'
import { createTestVhost } from '../../support/broker.ts'
import { eventually } from '../../support/eventually.ts'
import { openRawPublisher } from '../../support/raw-publisher.ts'
import { createWorld, QUEUE, recordEffect, type Options, type World } from '../consuming/world.ts'
import { ADA, BOB } from './world.ts'

/** A consumer that refuses what is not mended yet, and what operators can do about it. */
interface Scene {
  readonly operations: DeadLetterOperations
  /** Why its handler refuses, by the order's id; null: it handles it. */
  refuse: (orderId: string) => Error | null
  /** The dead letter of a message. */
  dead(messageId: string): Promise<DeadLetter>
}

async function createScene(world: World, more: Options = {}): Promise<Scene> {
  const scene: Scene = {
    operations: createOperations({ database: world.database, editing: true }),
    refuse: () => new PermanentError('No such customer.'),
    dead: (messageId) =>
      eventually(async () => (await scene.operations.letters.list({ messageId })).items[0] ?? false),
  }
  await world.consume({
    handlers: {
      'order.placed': async ({ messageId, payload }, { tx }) => {
        const error = scene.refuse(payload.orderId)
        if (error !== null) throw error
        await recordEffect(messageId, tx)
      },
    },
    ...more,
  })
  return scene
}

async function stateOf({ operations }: Scene, id: string): Promise<string> {
  return (await operations.letters.show(id)).state
}

describe('a dead letter that is replayed', () => {
  it('D1: is handled by its consumer, once, and the record says who wanted it and what came of it', async () => {
    await using world = await createWorld()
    const scene = await createScene(world)
    const { letters, audit } = scene.operations
    const [messageId = ''] = await world.place(1)
    const { id } = await scene.dead(messageId)
    scene.refuse = () => null
    await letters.replay(id, { by: ADA, reason: 'The customer exists now.' })
    await eventually(async () => (await stateOf(scene, id)) === 'resolved')
    expect(await world.effects()).toEqual(new Map([[messageId, 1]]))
    expect((await letters.attempts(id)).items).toMatchObject([
      { outcome: 'handled', replay: true },
      { outcome: 'failed', replay: false },
    ])
    expect((await audit.list({ target: id })).items).toMatchObject([
      { actor: 'ada', action: 'dead-letters.replay', outcome: 'done', reason: 'The customer exists now.' },
    ])
    await expect(letters.replay(id, { by: ADA })).rejects.toMatchObject({ code: 'WAYBILL_STATE_CONFLICT' })
  })

  it('D2: is a dead letter again when it fails again, as what it fails of now; after five times that is asked for', async () => {
    await using world = await createWorld()
    const scene = await createScene(world)
    const { letters } = scene.operations
    const [messageId = ''] = await world.place(1)
    const before = await scene.dead(messageId)
    scene.refuse = () => new RangeError('The amount is out of range.')
    for (let times = 1; times <= 5; times += 1) {
      await letters.replay(before.id, { by: ADA })
      const now = await scene.dead(messageId)
      expect(now).toMatchObject({ id: before.id, replays: times, errorType: 'RangeError' })
      expect(now.fingerprint).not.toBe(before.fingerprint)
    }
    await expect(letters.replay(before.id, { by: ADA })).rejects.toMatchObject({
      code: 'WAYBILL_CONFIRMATION_NEEDED',
      details: { confirmations: ['replays'] },
    })
    const { items } = await letters.attempts(before.id)
    expect(items.map(({ outcome, replay }) => `${outcome} ${String(replay)}`)).toEqual([
      ...Array<string>(5).fill('failed true'),
      'failed false',
    ])
    scene.refuse = () => null
    await letters.replay(before.id, { by: ADA, confirm: ['replays'] })
    await eventually(async () => (await stateOf(scene, before.id)) === 'resolved')
    expect(await world.effects()).toEqual(new Map([[messageId, 1]]))
  })

  it('D7: by two operators at once is handled once', async () => {
    await using world = await createWorld()
    const scene = await createScene(world)
    const ids = await world.place(10)
    const letters = await Promise.all(ids.map((messageId) => scene.dead(messageId)))
    scene.refuse = () => null
    for (const { id } of letters) {
      const both = [ADA, BOB].map((by) => scene.operations.letters.replay(id, { by, revision: 1 }))
      const results = (await Promise.allSettled(both)).map(({ status }) => status)
      expect(results.sort()).toEqual(['fulfilled', 'rejected'])
    }
    await eventually(async () => (await world.effects()).size === 10)
    expect([...(await world.effects()).values()]).toEqual(Array(10).fill(1))
    expect(
      (await scene.operations.audit.list({ action: 'dead-letters.replay', outcome: 'done' })).items,
    ).toHaveLength(10)
  })
})

describe('what a sender says of its body', () => {
  const sound = { type: 'order.placed', body: Buffer.from('{"orderId":"o-1"}') }

  it('is kept: a replay refuses the same ones, and handles the same ones', async () => {
    await using vhost = await createTestVhost()
    await using world = await createWorld({ amqpUrl: vhost.url })
    const scene = await createScene(world)
    const { letters } = scene.operations
    await using raw = await openRawPublisher(vhost.url)
    await raw.send(QUEUE, { ...sound, messageId: 'html', contentType: 'text/html' })
    await raw.send(QUEUE, { ...sound, messageId: 'gzip', contentEncoding: 'gzip' })
    await raw.send(QUEUE, { ...sound, messageId: 'silent', contentEncoding: 'utf-8' })
    await eventually(async () => (await world.kept()).length === 3)
    const kept = await world.kept()
    expect(kept.map(({ originalId, reason }) => `${originalId} ${reason}`).sort()).toEqual([
      'gzip malformed',
      'html malformed',
      'silent permanent',
    ])
    const dead = async (name: string): Promise<DeadLetter> =>
      scene.dead(kept.find(({ originalId }) => originalId === name)?.messageId ?? '')

    scene.refuse = () => null
    for (const name of ['gzip', 'html', 'silent']) await letters.replay((await dead(name)).id, { by: ADA })
    for (const name of ['gzip', 'html']) {
      const letter = await eventually(async () => {
        const now = await dead(name)
        return now.state === 'dead' && now.replays === 1 && now
      })
      expect(letter.reason).toBe('malformed')
    }
    await eventually(async () => (await world.effects()).has('silent'))
    expect(await letters.show((await dead('html')).id)).toMatchObject({ contentType: 'text/html' })

    const copy = await letters.replayEdited((await dead('gzip')).id, {
      ...{ by: ADA, reason: 'Without compression.', payload: sound.body },
    })
    await eventually(async () => (await stateOf(scene, copy.id)) === 'resolved')
    expect(await world.effects()).toEqual(
      new Map([
        ['silent', 1],
        [copy.messageId, 1],
      ]),
    )
  })
})

describe('a dead letter that is edited', () => {
  const strict = defineMessages(
    {
      'order.placed': {
        '~standard': {
          version: 1 as const,
          vendor: 'test',
          validate: (value: unknown) =>
            typeof (value as { orderId?: unknown }).orderId === 'string'
              ? { value: value as { orderId: string } }
              : { issues: [{ message: 'This must be a text.', path: ['orderId'] }] },
        },
      },
      'order.paid': messageType<{ orderId: string }>(),
    },
    { source: 'orders' },
  )

  it('D4: is handled as a message of its own; the original stays, and the record knows both by their digests', async () => {
    await using world = await createWorld()
    const scene = await createScene(world, {
      messages: strict as unknown as NonNullable<Options['messages']>,
    })
    scene.refuse = (orderId) => (orderId === 'o-2' ? null : new PermanentError('No such order.'))
    const { letters, audit } = scene.operations
    const [messageId = ''] = await world.place(1)
    const { id } = await scene.dead(messageId)
    const edit = (content: string) => ({ by: ADA, payload: Buffer.from(content), reason: 'A typo.' })

    await expect(letters.replayEdited(id, edit('{"orderId":'))).rejects.toMatchObject({
      code: 'WAYBILL_OPTION_INVALID',
    })
    expect(await stateOf(scene, id)).toBe('dead')

    const copy = await letters.replayEdited(id, edit('{"orderId":"o-2"}'))
    await eventually(async () => (await stateOf(scene, copy.id)) === 'resolved')
    expect(await world.effects()).toEqual(new Map([[copy.messageId, 1]]))
    expect((await letters.payload(id)).bytes.toString()).toBe('{"orderId":"o-1"}')
    const [event] = (await audit.list({ action: 'dead-letters.replay-edited', outcome: 'done' })).items
    expect(event).toMatchObject({ actor: 'ada', reason: 'A typo.', details: { copy: copy.id } })
    expect(event?.details['before']).not.toBe(event?.details['after'])

    const [otherId = ''] = await world.place(1)
    const other = await scene.dead(otherId)
    const broken = await letters.replayEdited(other.id, edit('{"orderId":7}'))
    expect(await scene.dead(broken.messageId)).toMatchObject({ reason: 'malformed', editedFrom: other.id })
    expect((await world.effects()).size).toBe(1)
  })
})

describe('a bulk replay beside other replays', () => {
  it('24: replays each of a group once, whatever else was clicked at the same time', async () => {
    await using world = await createWorld()
    const scene = await createScene(world, { prefetch: 20 })
    const { letters, bulk } = scene.operations
    const ids = await world.place(40)
    const group = await eventually(async () => {
      const [found] = (await letters.groups()).items
      return found?.count === 40 && found
    })
    scene.refuse = () => null
    const start = { by: ADA, action: 'replay', rate: 1000, idempotencyKey: 'double click' } as const
    const selection = { filter: { fingerprint: group.fingerprint ?? '' } }
    const [first, again, single] = await Promise.all([
      bulk.start({ ...start, selection }),
      bulk.start({ ...start, selection }),
      letters.replay(group.example.id, { by: BOB }),
    ])
    expect(again.id).toBe(first.id)
    const ended = await finished(scene, first.id)
    expect(ended.progress.done + ended.progress.skipped).toBe(ended.progress.matched)
    await eventually(async () => (await world.effects()).size === 40)
    expect(await world.effects()).toEqual(new Map(ids.map((id) => [id, 1])))
    const replays = await world.pool.query('select replays, count(*)::int from waybill.failure group by 1')
    expect(replays.rows).toEqual([{ replays: 1, count: 40 }])
    expect(single.replays).toBe(1)
  })
})

function finished({ operations: { bulk } }: Scene, id: string) {
  return eventually(async () => {
    await bulk.work()
    const now = await bulk.show(id)
    return now.state === 'finished' && now
  })
}
