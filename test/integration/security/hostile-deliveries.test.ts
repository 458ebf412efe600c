import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { defineMessages, messageType } from 'waybill'
import { createAdmin, tokenAuth } from 'waybill/admin'
import { createOperations } from 'waybill/ports'
import { createTestVhost } from '../../support/broker.ts'
import { PROJECT_ROOT } from '../../support/child.ts'
import { eventually } from '../../support/eventually.ts'
import { hostileMessage, nestedField } from '../../support/hostile.ts'
import { openRawPublisher, textField, type RawMessage } from '../../support/raw-publisher.ts'
import { run } from '../../support/run.ts'
import { createClient, testTokens, type Client } from '../admin/world.ts'
import {
  createWorld,
  QUEUE,
  recordEffect,
  type Options,
  type Running,
  type World,
} from '../consuming/world.ts'

/** Another one tries other messages; a failure names it. */
const SEED = Number(process.env['HOSTILE_SEED'] ?? 20_260_131)
const BATCHES = 4
const PER_BATCH = 60

const partitioned = messageType<{ orderId: string }>({ partitioned: true })
const inOrder = defineMessages(
  { 'order.placed': partitioned, 'order.paid': partitioned },
  { source: 'orders' },
)

const MODES: readonly { readonly mode: string; readonly queue: string; readonly options: Options }[] = [
  { mode: 'unordered', queue: QUEUE, options: {} },
  { mode: 'key', queue: `${QUEUE}.0`, options: { mode: 'key', partitions: 1, messages: inOrder } },
]

const GOOD: RawMessage = {
  type: 'order.placed',
  contentType: 'application/json',
  body: Buffer.from('{"orderId":"good"}'),
}

/** What broke a consumer once, or would if a limit were not there. */
const KNOWN: readonly RawMessage[] = [
  { ...GOOD, headers: [nestedField(20_000)] },
  { ...GOOD, headers: [{ name: '__proto__', tag: 'F', bytes: Buffer.from('00000000', 'hex') }] },
  { ...GOOD, headers: [{ name: 'a', tag: 'F', bytes: protoIs('x', '0000000161') }] },
  { ...GOOD, headers: [{ name: 'x-delivery-count', tag: 'F', bytes: protoIs('V', '') }] },
  { ...GOOD, headers: [textField('waybill-version', '4294967296')] },
  { ...GOOD, body: Buffer.from('{'), headers: [textField('ce-time', '-271821-04-20T00:00:00Z')] },
  { ...GOOD, body: Buffer.from('{'), timestamp: 2n ** 64n - 1n },
  { ...GOOD, body: Buffer.from('{'), headers: [textField('waybill-key', 'k'.repeat(60_000))] },
  { ...GOOD, body: Buffer.from('{'), headers: [textField('waybill-key', randomText(2_048))] },
  { ...GOOD, type: 'a\0b', correlationId: 'a\r\nb', headers: [textField('ce-source', 'a\0b')] },
  { ...GOOD, headers: Array.from({ length: 3_000 }, (_, n) => textField(`h${n}`, 'v')) },
  // The body is sound, but not by the sender's own words.
  { ...GOOD, contentType: 'text/html' },
  { ...GOOD, contentEncoding: 'gzip' },
  { ...GOOD, contentType: 'application/json; charset=utf-8' },
  { type: 'order.placed', body: Buffer.from('{"orderId":"good"}') },
  { ...GOOD, contentEncoding: 'utf-8' },
]

/** A table whose field `__proto__` is of the type: amqplib makes it the prototype of what it reads the table into. */
function protoIs(tag: string, bytesAsHex: string): Buffer {
  const name = '__proto__'
  const field = Buffer.concat([
    Buffer.from([name.length]),
    Buffer.from(name + tag),
    Buffer.from(bytesAsHex, 'hex'),
  ])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(field.length)
  return Buffer.concat([length, field])
}

/** That no index makes shorter by compressing it. */
function randomText(length: number): string {
  return fc.sample(fc.string({ minLength: length, maxLength: length }), { seed: SEED, numRuns: 1 })[0] ?? ''
}

interface Setting {
  readonly world: World
  readonly running: Running
  readonly handled: string[]
  send(message: RawMessage): Promise<void>
  /** How many the broker has not got rid of, the dead letters too. */
  left(): Promise<number>
}

async function createSetting({ queue, options }: (typeof MODES)[number]): Promise<Setting> {
  const vhost = await createTestVhost()
  onTestFinished(() => vhost[Symbol.asyncDispose]())
  const world = await createWorld({ amqpUrl: vhost.url })
  onTestFinished(() => world[Symbol.asyncDispose]())
  const handled: string[] = []
  const running = await world.consume({
    ...options,
    // In mode `key` they are tried again otherwise, in case a deploy is under way.
    onUnknownType: 'dead',
    handlers: {
      'order.placed': async ({ messageId }, { tx }) => {
        handled.push(messageId)
        await recordEffect('one', tx)
      },
    },
  })
  const raw = await openRawPublisher(vhost.url)
  onTestFinished(() => raw[Symbol.asyncDispose]())
  return {
    ...{ world, running, handled },
    send: (message) => raw.send(queue, message),
    left: async () => (await raw.count(queue)) + (await raw.count(`${QUEUE}.dlq`)),
  }
}

/** Sends them, and then one that is sound: the consumer has answered all, and handles it at once. */
async function sendAll(setting: Setting, messages: readonly RawMessage[], name: string): Promise<void> {
  const { running, handled } = setting
  const before = running.outcomes.length
  for (const message of messages) await setting.send(message)
  await setting.send({ ...GOOD, messageId: name })
  await eventually(() => handled.includes(name) && running.outcomes.length === before + messages.length + 1)
}

/** By the admin API, which holds each answer against its document: every one can be looked at, and says why it is there. */
async function checkLetters(world: World, api: Client): Promise<number> {
  const { rows } = await world.pool.query<{ failure_id: string; body: Buffer; state: string }>(
    'select failure_id, payload as body, state from waybill.failure order by failure_id',
  )
  for (const { failure_id: number, body, state } of rows) {
    const shown = await api.get(`/api/v1/dead-letters/in-${number}`, { as: 'ada' })
    expect([shown.status, state]).toEqual([200, 'dead'])
    expect(shown.body).toMatchObject({
      reason: expect.stringMatching(/^(malformed|unknown_type|conflict)$/) as string,
    })
    const payload = await api.get(`/api/v1/dead-letters/in-${number}/payload`, { as: 'ada' })
    expect(payload.status).toBe(200)
    const { encoding, content } = payload.body as {
      readonly encoding: BufferEncoding
      readonly content: string
    }
    expect(Buffer.from(content, encoding).equals(body)).toBe(true)
    for (const [name, value] of [...shown.headers, ...payload.headers]) {
      expect(`${name}: ${value}`).not.toMatch(/forged|set-cookie|polluted|text\/html/i)
    }
  }
  return rows.length
}

async function openAdmin(world: World): Promise<Client> {
  const operations = createOperations({ database: world.database })
  const quiet = { readsPerMinute: 100_000 }
  const admin = createAdmin({ operations, authenticate: tokenAuth(testTokens()), limits: quiet })
  const server = await admin.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  return createClient(`http://127.0.0.1:${server.address.port}`)
}

describe.each(MODES)('hostile deliveries to a consumer in mode $mode', (mode) => {
  it('that broke one before are handled, or dead letters with a reason', async () => {
    const setting = await createSetting(mode)
    await sendAll(
      setting,
      KNOWN.map((message, n) => ({ messageId: `known-${n}`, ...message })),
      'good',
    )
    const { world } = setting
    expect([await setting.left(), await world.effects()]).toEqual([0, new Map([['one', 8]])])
    const kept = await world.kept()
    expect(kept.map(({ originalId, reason }) => `${originalId} ${reason}`).sort()).toEqual([
      'known-0 malformed',
      'known-11 malformed',
      'known-12 malformed',
      'known-4 malformed',
      'known-5 malformed',
      'known-6 malformed',
      'known-7 malformed',
      'known-8 malformed',
      'known-9 unknown_type',
    ])
  })

  it(`that nobody has thought of (seed ${SEED}) are answered, and good messages handled between them`, async () => {
    const setting = await createSetting(mode)
    const { world, running } = setting
    const all = fc.sample(hostileMessage, { seed: SEED, numRuns: BATCHES * PER_BATCH })
    for (let batch = 0; batch < BATCHES; batch += 1) {
      await sendAll(setting, all.slice(batch * PER_BATCH, (batch + 1) * PER_BATCH), `good-${batch}`)
    }
    await running.consumer.stop()
    expect(await setting.left()).toBe(0)
    expect(Object.keys(Object.prototype)).toEqual([])
    const letters = await checkLetters(world, await openAdmin(world))
    // Each is one or the other, or one of the same id was before it.
    expect(letters).toBeGreaterThan(BATCHES * 10)
    const { handled = 0, malformed = 0, ...others } = tally(running.outcomes)
    expect(
      Object.keys(others).filter((outcome) => outcome !== 'duplicate' && outcome !== 'conflict'),
    ).toEqual([])
    expect([handled > BATCHES, malformed > BATCHES * 10]).toEqual([true, true])
    const shown = await run(
      process.execPath,
      ['--import', 'tsx', 'relay/main.ts', 'dead-letters', 'list', '--limit', '200'],
      {
        cwd: PROJECT_ROOT,
        env: { ...process.env, WAYBILL_DATABASE_URL: world.databaseUrl },
      },
    )
    expect(shown.split('\n').length).toBeGreaterThan(BATCHES * 10)
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/)
  })
})

function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
