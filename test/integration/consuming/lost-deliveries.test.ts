import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { rabbitmq } from '../../../adapters/rabbitmq/index.ts'
import type { Transport } from '../../../src/ports.ts'
import { startChild } from '../../support/child.ts'
import { eventually } from '../../support/eventually.ts'
import { onChannel } from '../../support/on-channel.ts'
import { recordedLogger, type RecordedLogger } from '../rabbitmq/world.ts'
import { createWorld, QUEUE, recordEffect, type Running, type World } from './world.ts'

const once = (ids: readonly string[]): Map<string, number> => new Map(ids.map((id) => [id, 1]))

interface Opened extends AsyncDisposable {
  readonly transport: Transport
  readonly logger: RecordedLogger
}

/** A transport of its own, whose log the test reads. */
function open(url: string, more: Partial<Parameters<typeof rabbitmq>[0]> = {}): Opened {
  const logger = recordedLogger()
  const transport = rabbitmq({ url, logger, reconnect: { baseMs: 20, maxMs: 200 }, ...more })
  return { transport, logger, [Symbol.asyncDispose]: () => transport.close() }
}

async function deleteQueue({ amqpUrl }: World): Promise<void> {
  await onChannel(amqpUrl, (channel) => channel.deleteQueue(QUEUE))
}

describe('C5: a queue that is deleted while its consumer runs', () => {
  it('is declared again, and consuming goes on', async () => {
    await using world = await createWorld()
    await using opened = open(world.amqpUrl)
    const { outcomes } = await world.consume({ transport: opened.transport })
    const before = await world.place(5)
    await eventually(() => outcomes.length === 5)
    await deleteQueue(world)
    await eventually(() => opened.logger.text().includes(`RabbitMQ ended the consumer of queue "${QUEUE}"`))
    // The broker gives back what no queue takes, and a relay would keep it.
    const after = await eventually(() => world.place(5).catch(() => undefined))
    await eventually(async () => (await world.effects()).size === 10)
    expect(await world.effects()).toEqual(once([...before, ...after]))
  })

  it('is told as missing when the consumer may not declare it, and consumed when it is there again', async () => {
    await using world = await createWorld()
    const declaring = await world.consume()
    await declaring.consumer.stop()
    await using opened = open(world.amqpUrl, { topology: 'verify' })
    const { outcomes } = await world.consume({ transport: opened.transport })
    await deleteQueue(world)
    await eventually(() => opened.logger.text().includes(`RabbitMQ has no queue "${QUEUE}"`))
    const told = opened.logger.lines.find(({ fields }) =>
      JSON.stringify(fields).includes('WAYBILL_TOPOLOGY_MISSING'),
    )
    expect(told?.level).toBe('error')
    const again = await world.consume()
    await again.consumer.stop()
    const ids = await eventually(() => world.place(5).catch(() => undefined))
    await eventually(() => outcomes.length === 5)
    expect(await world.effects()).toEqual(once(ids))
  })
})

describe('C14: a rolling deploy', () => {
  it('ten times over, which gives many messages back each time, uses up the deliveries of none', async () => {
    await using world = await createWorld()
    await using opened = open(world.amqpUrl, { deliveryLimit: 4 })
    const start = (concurrency: number): Promise<Running> =>
      world.consume({
        transport: opened.transport,
        prefetch: 50,
        concurrency,
        handlers: {
          'order.placed': async ({ messageId }, { tx }) => {
            await recordEffect(messageId, tx)
            await sleep(10)
          },
        },
      })
    const alive = [await start(1)]
    const ids = await world.place(1_000)
    const all: Running[] = [...alive]
    for (let round = 0; round < 10; round += 1) {
      const next = await start(1)
      alive.push(next)
      all.push(next)
      await eventually(() => next.outcomes.includes('handled'))
      await alive.shift()?.consumer.stop()
    }
    const given = all.flatMap(({ outcomes }) => outcomes.filter((outcome) => outcome === 'released'))
    expect(given.length).toBeGreaterThan(40)
    expect((await world.effects()).size).toBeLessThan(ids.length)
    await start(20)
    await eventually(async () => (await world.effects()).size === ids.length)
    expect(await world.effects()).toEqual(once(ids))
    // Those that came back may have been marked and run alone, which is no fault of theirs.
    const dead = (await world.kept()).filter(({ state }) => state !== 'resolved')
    expect([dead, await world.inDeadLetters()]).toEqual([[], 0])
    expect(opened.logger.text()).not.toContain('threw an error')
  })
})

describe('C16: a process that is blocked for longer than the broker waits for a sign of life', () => {
  it('loses its connection, takes it up again, and repeats no effect', async () => {
    await using world = await createWorld()
    const env = { WAYBILL_DATABASE_URL: world.databaseUrl, WAYBILL_AMQP_URL: world.amqpUrl, BLOCK_MS: '5000' }
    await using child = startChild('test/integration/consuming/blocked.child.ts', { env })
    await child.line(/^started$/)
    const ids = await world.place(20)
    // What was committed and could not be answered is known when it comes again.
    await child.line(/^duplicate$/)
    await eventually(async () => (await world.effects()).size === 20 && (await world.inQueue()) === 0)
    const later = await world.place(5)
    await eventually(async () => (await world.effects()).size === 25)
    expect(await world.effects()).toEqual(once([...ids, ...later]))
    expect([await world.kept(), await world.inDeadLetters()]).toEqual([[], 0])
    expect(await child.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
  })
})

/** A delivery for a consumer that the channel does not know: method `basic.deliver`, header and an empty body. */
function strayDelivery(): Buffer {
  const frame = (type: number, payload: Buffer): Buffer => {
    const head = Buffer.alloc(7)
    head.writeUInt8(type, 0)
    head.writeUInt16BE(1, 1)
    head.writeUInt32BE(payload.length, 3)
    return Buffer.concat([head, payload, Buffer.from([0xce])])
  }
  const short = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])
  const tag = Buffer.alloc(9)
  tag.writeBigUInt64BE(4_000_000_000n, 0)
  const deliver = Buffer.concat([Buffer.from([0, 60, 0, 60]), short('gone'), tag, short(''), short(QUEUE)])
  const header = Buffer.concat([Buffer.from([0, 60, 0, 0]), Buffer.alloc(8), Buffer.from([0, 0])])
  return Buffer.concat([frame(1, deliver), frame(2, header)])
}

describe('C18: a delivery for a consumer that is gone already', () => {
  it('is told and breaks nothing', async () => {
    await using world = await createWorld()
    await using opened = open(world.proxy.url(world.amqpUrl))
    const { outcomes } = await world.consume({ transport: opened.transport })
    const before = await world.place(3)
    await eventually(() => outcomes.length === 3)
    world.proxy.inject(strayDelivery())
    // Nothing but that: an error that nobody listens to would end the connection.
    const told = 'A listener of a RabbitMQ channel threw an error. Error: Unknown consumer: gone'
    await eventually(() => opened.logger.text().includes(told))
    const after = await world.place(3)
    await eventually(async () => (await world.effects()).size === 6)
    expect(await world.effects()).toEqual(once([...before, ...after]))
    expect(await world.inDeadLetters()).toBe(0)
  })
})
