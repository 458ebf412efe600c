import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { connect } from 'amqplib'
import { describe, expect, it } from 'vitest'
import { PermanentError, type ProtectedMessage, type Protection } from '../../../src/index.ts'
import { eventually } from '../../support/eventually.ts'
import { createWorld, QUEUE, recordEffect, type Options, type World } from './world.ts'

const SECRET = 'o-4711-secret'
const BODY = { body: Buffer.from(JSON.stringify({ orderId: SECRET })) }

interface Vault extends Protection {
  readonly asked: ProtectedMessage[]
  /** Thrown by `seal` while it is there. */
  fault: Error | null
}

/** Encrypts with a key of its own, and binds what it encrypts to its message. */
function createVault(): Vault {
  const key = randomBytes(32)
  const bound = ({ consumer, messageId, type }: ProtectedMessage): Buffer =>
    Buffer.from(JSON.stringify([consumer, messageId, type]))
  const vault: Vault = {
    asked: [],
    fault: null,
    seal(payload, about) {
      vault.asked.push(about)
      if (vault.fault !== null) throw vault.fault
      const start = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, start).setAAD(bound(about))
      const sealed = Buffer.concat([cipher.update(payload), cipher.final()])
      return Buffer.concat([start, cipher.getAuthTag(), sealed])
    },
    open(sealed, about) {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(bound(about))
      decipher.setAuthTag(sealed.subarray(12, 28))
      return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
    },
  }
  return vault
}

interface Service {
  away: boolean
  /** What its handler was given. */
  readonly seen: string[]
  readonly handlers: NonNullable<Options['handlers']>
}

function createService(): Service {
  const service: Service = {
    away: true,
    seen: [],
    handlers: {
      'order.placed': async ({ messageId, payload }, { tx }) => {
        if (service.away) throw new Error('Not yet.')
        service.seen.push(payload.orderId)
        await recordEffect(messageId, tx)
      },
    },
  }
  return service
}

async function stored({ pool }: World): Promise<{ sealed: boolean; readable: boolean }[]> {
  const { rows } = await pool.query<{ sealed: boolean; readable: boolean }>(
    `select sealed, position($1::bytea in payload) > 0 as readable from waybill.failure order by failure_id`,
    [Buffer.from(SECRET)],
  )
  return rows
}

const RETRY = { baseMs: 200, maxMs: 400, attempts: 100 }

describe('a payload that is kept by a consumer with an encryption', () => {
  it('cannot be read in the database, and is handled as it was sent', async () => {
    await using world = await createWorld()
    const protect = createVault()
    const service = createService()
    await world.consume({ retry: RETRY, failures: { protect }, handlers: service.handlers })
    const [messageId = ''] = await world.place(1, BODY)
    await eventually(async () => (await stored(world)).length === 1)
    expect(await stored(world)).toEqual([{ sealed: true, readable: false }])
    expect(protect.asked).toEqual([{ consumer: QUEUE, messageId, type: 'order.placed' }])
    service.away = false
    await eventually(async () => (await world.kept())[0]?.state === 'resolved')
    expect(service.seen).toEqual([SECRET])
    expect(await world.effects()).toEqual(new Map([[messageId, 1]]))
    expect(await stored(world)).toEqual([{ sealed: true, readable: false }])
  })

  it('cannot be read either when it comes from the broker’s dead letters', async () => {
    await using world = await createWorld()
    await world.consume({ failures: { protect: createVault() } })
    const model = await connect(world.amqpUrl)
    const channel = await model.createChannel()
    channel.sendToQueue(`${QUEUE}.dlq`, BODY.body, {
      messageId: 'm-1',
      type: 'order.placed',
      appId: 'orders',
    })
    await channel.close()
    await model.close()
    await eventually(async () => (await stored(world)).length === 1)
    expect(await stored(world)).toEqual([{ sealed: true, readable: false }])
  })

  it('waits for a consumer that can decrypt it', async () => {
    await using world = await createWorld()
    const protect = createVault()
    const service = createService()
    const first = await world.consume({ retry: RETRY, failures: { protect }, handlers: service.handlers })
    const [messageId = ''] = await world.place(1, BODY)
    await eventually(async () => (await stored(world)).length === 1)
    await first.consumer.stop()
    service.away = false
    const without = await world.consume({ retry: RETRY, handlers: service.handlers })
    const refusal = 'The payload is encrypted, and the consumer has no failures.protect.'
    await eventually(async () => (await world.kept())[0]?.error === refusal)
    expect(service.seen).toEqual([])
    await without.consumer.stop()
    await world.consume({ retry: RETRY, failures: { protect }, handlers: service.handlers })
    await eventually(async () => (await world.kept())[0]?.state === 'resolved')
    expect(service.seen).toEqual([SECRET])
    expect(await world.effects()).toEqual(new Map([[messageId, 1]]))
  })
})

describe('an encryption that fails', () => {
  it('keeps nothing in plain text: the message stays at the broker, and is kept when it works', async () => {
    await using world = await createWorld()
    const protect = createVault()
    protect.fault = new Error('The key service is away.')
    const service = createService()
    await world.consume({ retry: RETRY, failures: { protect }, handlers: service.handlers })
    await world.place(1, BODY)
    await eventually(() => protect.asked.length >= 3)
    expect(await stored(world)).toEqual([])
    protect.fault = null
    await eventually(async () => (await stored(world)).length === 1)
    expect(await stored(world)).toEqual([{ sealed: true, readable: false }])
    expect(await world.kept()).toMatchObject([{ state: 'retry', reason: 'failed' }])
    expect(await world.inDeadLetters()).toBe(0)
  })

  it('for good leaves the message in the broker’s dead letters, until it works after all', async () => {
    await using world = await createWorld()
    const protect = createVault()
    protect.fault = new PermanentError('No key for this one.')
    const service = createService()
    const { consumer, log } = await world.consume({
      retry: RETRY,
      failures: { protect },
      handlers: service.handlers,
    })
    await world.place(1, { ...BODY, createdAt: Date.now() })
    await eventually(() =>
      log.some(({ text }) => text.startsWith('A dead letter of the broker could not be kept')),
    )
    expect(await stored(world)).toEqual([])
    await consumer.stop()
    await eventually(async () => (await world.inDeadLetters()) === 1)
    protect.fault = null
    await world.consume({ failures: { protect }, handlers: service.handlers })
    await eventually(async () => (await stored(world)).length === 1)
    expect(await stored(world)).toEqual([{ sealed: true, readable: false }])
    expect(await world.kept()).toMatchObject([{ state: 'dead', reason: 'rejected' }])
    await eventually(async () => (await world.inDeadLetters()) === 0)
  })
})
