import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ConfirmChannel } from 'amqplib'
import pg from 'pg'
import { compare, type Row } from './measure.ts'
import type { Peer, PeerMessage, PeerSetting } from './peers/peer.ts'
import { capture, declareQueue, drainBacklog, EXCHANGE, purge, QUEUE, type Captured } from './relay.ts'
import { untilQueued, type Setting } from './setting.ts'

const PEERS = ['graphile-worker', 'pg-boss', 'pg-transactional-outbox']
const FOLDER = fileURLToPath(new URL('peers/', import.meta.url))
const NOTE = 'x'.repeat(180)

/**
 * What other libraries make of the same work, each with its own tables, publishing messages of the same properties with
 * confirms to the same queue. They keep no order of keys; the relay does.
 */
export async function benchPeers(setting: Setting): Promise<Row[]> {
  install()
  const count = Math.round(20_000 * setting.scale)
  const channel = await declareQueue(setting)
  await drainBacklog(setting, 1)
  const [like] = await capture(setting, 1)
  if (like === undefined) throw new Error('The relay has published nothing.')
  const rows: Row[] = []
  for (const name of PEERS) {
    const { default: peer } = (await import(`${FOLDER}${name}.ts`)) as { default: Peer }
    const [own, waybill] = await compare({
      bench: 'peers',
      unit: 'messages/s',
      rounds: 3,
      variants: [
        { name, run: () => drainPeer(setting, { peer, count, like }) },
        { name: `waybill : ${name}`, run: () => drainBacklog(setting, count) },
      ],
    })
    if (own && waybill) rows.push(own, waybill)
  }
  await channel.close()
  return rows
}

/** They are no dependencies of the repository, so that nobody installs them who does not compare. */
function install(): void {
  if (existsSync(`${FOLDER}node_modules`)) return
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const options = { cwd: FOLDER, stdio: 'ignore', shell: process.platform === 'win32' } as const
  execFileSync(npm, ['ci', '--ignore-scripts'], options)
}

interface Run {
  readonly peer: Peer
  readonly count: number
  /** Gives the properties that each message is sent with. */
  readonly like: Captured
}

/** @returns messages per second from the start until the last confirm. */
async function drainPeer(setting: Setting, { peer, count, like }: Run): Promise<number> {
  await purge(setting)
  await using database = await createDatabase(setting)
  const channel = await setting.connection.createConfirmChannel()
  const publishing = createPublishing(channel, { count, like })
  const given: PeerSetting = { databaseUrl: database.url, publish: publishing.publish }
  await peer.prepare(given)
  const messages = Array.from({ length: count }, (_, n) => ({ orderId: `order-${String(n)}`, note: NOTE }))
  await peer.write(given, messages)
  const started = performance.now()
  const finished = publishing.done.then(() => performance.now())
  await peer.drain(given, publishing.done)
  const rate = (count / ((await finished) - started)) * 1_000
  await channel.close()
  await untilQueued(setting, QUEUE, count)
  const left = await peer.left(given)
  if (left !== 0) throw new Error(`${String(left)} messages were published and not marked as done.`)
  return rate
}

function createPublishing(
  channel: ConfirmChannel,
  { count, like }: Omit<Run, 'peer'>,
): { readonly done: Promise<void>; publish(message: PeerMessage): Promise<void> } {
  const state = { confirmed: 0, finish: (): void => undefined }
  const done = new Promise<void>((resolve) => (state.finish = resolve))
  return {
    done,
    publish: (message) =>
      new Promise((resolve, reject) => {
        const content = Buffer.from(JSON.stringify(message))
        const options = { ...like.options, messageId: crypto.randomUUID() }
        channel.publish(EXCHANGE, 'order.placed', content, options, (error: unknown) => {
          if (error) {
            reject(error instanceof Error ? error : new Error('refused'))
            return
          }
          state.confirmed += 1
          resolve()
          if (state.confirmed === count) state.finish()
        })
      }),
  }
}

/** A new one for each run: most of them keep what they have done. */
async function createDatabase({ pool, databaseUrl }: Setting): Promise<AsyncDisposable & { url: string }> {
  const name = `peer_${randomBytes(4).toString('hex')}`
  await pool.query(`create database ${name}`)
  const url = new URL(databaseUrl)
  url.pathname = `/${name}`
  const client = new pg.Client(url.href)
  await client.connect()
  await client.query('create extension if not exists pgcrypto')
  await client.end()
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await pool.query(`drop database ${name} with (force)`)
    },
  }
}
