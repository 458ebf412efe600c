import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import pg from 'pg'
import { createConsumer, defineMessages, messageType } from 'waybill'
import { pgDatabase } from 'waybill/pg'
import { rabbitmq } from 'waybill/rabbitmq'
import { expect, it, onTestFinished } from 'vitest'
import type { Child } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { createRelaySetting, type RelaySetting } from './relay-setting.ts'

/** One for each place, with characters that addresses have to escape. */
const SECRETS = {
  database: 'pg-S3cret/w@rd',
  broker: 'mq-S3cret/w@rd',
  management: 'mgmt-S3cret/w@rd',
  parameter: 'param-S3cret-word',
  token: 'token-S3cret-word',
  collector: 'otlp-S3cret-word',
}

/** Every form in which one could come out. */
const FORMS = Object.values(SECRETS).flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64').replaceAll('=', '').slice(0, -1),
  Buffer.from(secret).toString('hex'),
])

function expectNoSecret(text: string, where: string): void {
  const found = FORMS.filter((form) => text.includes(form))
  expect(found, `${where}:\n${found.length === 0 ? '' : text}`).toEqual([])
}

function withPassword(
  address: string,
  password: string,
  more: Partial<Pick<URL, 'port' | 'protocol'>> = {},
): string {
  const url = new URL(address)
  Object.assign(url, { username: 'nobody', password: encodeURIComponent(password), ...more })
  return url.href
}

/** Takes connections and never says a word. */
async function silentPort(): Promise<string> {
  const server = createServer((socket) => void socket.on('error', () => undefined))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return String((server.address() as { readonly port: number }).port)
}

/** As everybody on the machine sees it. */
function commandLine(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
}

interface Trouble {
  readonly args?: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** What says that it has happened; left out of what ends by itself. */
  readonly until?: RegExp
}

async function troubles({ database, vhost }: RelaySetting): Promise<Readonly<Record<string, Trouble>>> {
  const closed = String(await freePort())
  const silent = await silentPort()
  const db = (more = {}): string => withPassword(database.url, SECRETS.database, more)
  const mq = (more = {}): string => withPassword(vhost.url, SECRETS.broker, more)
  const short = { WAYBILL_DATABASE_CONNECT_TIMEOUT_MS: '500', WAYBILL_AMQP_CONNECT_TIMEOUT_MS: '500' }
  const hidden = (address: string): string =>
    `${address}${address.includes('?') ? '&' : '?'}password=${SECRETS.parameter}`
  return {
    'a role that is refused': { env: { WAYBILL_DATABASE_URL: db() }, until: /nobody/ },
    'a database that refuses': { env: { WAYBILL_DATABASE_URL: db({ port: closed }) }, until: /ECONNREFUSED/ },
    'a database that is silent': {
      env: { ...short, WAYBILL_DATABASE_URL: db({ port: silent }) },
      until: /timeout|did not/i,
    },
    'a database without TLS': { env: { WAYBILL_DATABASE_URL: `${db()}?sslmode=verify-full` }, until: /SSL/ },
    'a password among the parameters': {
      env: { WAYBILL_DATABASE_URL: hidden(db({ port: closed })) },
      until: /ECONNREFUSED/,
    },
    'a user that is refused': { env: { WAYBILL_AMQP_URL: mq() }, until: /ACCESS.REFUSED|403/ },
    'a broker that refuses': { env: { WAYBILL_AMQP_URL: mq({ port: closed }) }, until: /ECONNREFUSED/ },
    'a broker that is silent': {
      env: { ...short, WAYBILL_AMQP_URL: mq({ port: silent }) },
      until: /within 500 ms/,
    },
    'a broker without TLS': {
      env: { WAYBILL_AMQP_URL: mq({ protocol: 'amqps:' }) },
      until: /TLS|SSL|ssl|wrong version|ECONNRESET|disconnected/,
    },
    'an address that is none': {
      env: {
        WAYBILL_DATABASE_URL: `postgres//nobody:${SECRETS.database}@h`,
        WAYBILL_AMQP_URL: `nobody:${SECRETS.broker}@h`,
      },
    },
    'a port that is none': { env: { WAYBILL_AMQP_URL: `amqp://nobody:${SECRETS.broker}@h:99999` } },
    'a token as it is': {
      env: { WAYBILL_ADMIN_LISTEN: '127.0.0.1:0', WAYBILL_ADMIN_TOKENS: `ada=admin=${SECRETS.token}` },
    },
    'status of what refuses': { args: ['status', '--database-url', db({ port: closed })], env: {} },
    'the doctor of what refuses': {
      args: ['doctor', '--database-url', db(), '--amqp-url', mq()],
      env: {
        WAYBILL_MANAGEMENT_URL: `http://nobody:${encodeURIComponent(SECRETS.management)}@127.0.0.1:${closed}`,
      },
    },
    'an address for a command': { args: [db()], env: {} },
    'an address for a word': {
      args: ['dead-letters', 'show', db({ port: closed })],
      env: { WAYBILL_DATABASE_URL: db({ port: closed }) },
    },
    'a flag that is unknown': { args: ['migrate', `--database=${db()}`], env: {} },
  }
}

/** As many processes as there are ways to fail, one after the other. */
const PATIENCE = { timeout: 600_000 }

it('no secret comes out of a process, whatever goes wrong', PATIENCE, async () => {
  await using setting = await createRelaySetting()
  for (const [name, { args = ['relay'], env, until }] of Object.entries(await troubles(setting))) {
    await using child = setting.waybill(args, {
      WAYBILL_LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${SECRETS.collector}`,
      ...env,
    })
    if (until === undefined) await child.exited
    else await child.line(until)
    expect(child.output, name).not.toBe('')
    expectNoSecret(child.output, name)
    if (until === undefined) continue
    expectNoSecret(commandLine(child.pid), `process of ${name}`)
    await child.kill('SIGKILL')
  }
})

it('no secret is in the list of processes, in metrics, health or answers of a relay that works', async () => {
  await using setting = await createRelaySetting()
  const sha256 = createHash('sha256').update(SECRETS.token).digest('hex')
  const relay = setting.waybill(
    [
      'relay',
      '--database-url',
      `${setting.database.url}?password=${SECRETS.parameter}`,
      '--amqp-url',
      setting.vhost.url,
    ],
    {
      WAYBILL_LOG_LEVEL: 'debug',
      WAYBILL_ADMIN_LISTEN: '127.0.0.1:0',
      WAYBILL_ADMIN_TOKENS: `ada=admin=${sha256}`,
      WAYBILL_MANAGEMENT_URL: withPassword('http://127.0.0.1:1', SECRETS.management),
    },
  )
  await relay.line(/"The relay runs\."/)
  expect(commandLine(relay.pid)).toMatch(/^waybill relay/)
  expectNoSecret(commandLine(relay.pid), 'list of processes')
  const { health, admin } = await addressesOf(relay)
  for (const path of ['/metrics', '/livez', '/readyz', '/nothing']) {
    expectNoSecret(await answerOf(`${health}${path}`), path)
  }
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  for (const [path, headers] of [
    ['/api/v1/stats', bearer(SECRETS.token)],
    ['/api/v1/relays', bearer(SECRETS.token)],
    ['/api/v1/stats', bearer(`${SECRETS.token}x`)],
    ['/api/v1/stats', { authorization: `Basic ${SECRETS.token}` }],
    [`/api/v1/stats?token=${SECRETS.token}`, {}],
  ] as const) {
    expectNoSecret(await answerOf(`${admin}${path}`, headers), path)
  }
  expectNoSecret(relay.output, 'log')
  expect(relay.output).not.toContain(sha256)
})

it('no secret is in an error of the library, its causes or its JSON', async () => {
  const closed = String(await freePort())
  const told: unknown[] = []
  const note = (fields: object, text: string): void => void told.push({ ...fields }, text)
  const transport = rabbitmq({
    url: withPassword('amqp://127.0.0.1', SECRETS.broker, { port: closed }),
    logger: { debug: note, info: note, warn: note, error: note },
    reconnect: { baseMs: 10, maxMs: 20 },
  })
  onTestFinished(() => transport.close())
  transport.openPublisher({ onOutcome: () => undefined, onState: () => undefined })
  const pool = new pg.Pool({
    connectionString: withPassword('postgres://127.0.0.1/x', SECRETS.database, { port: closed }),
  })
  const database = pgDatabase(pool)
  for (const work of [
    () => database.ping(),
    () => database.transaction(() => Promise.resolve()),
    () => rabbitmq({ url: `amqp//nobody:${SECRETS.broker}@h` }),
    () => rabbitmq({ url: `http://nobody:${SECRETS.broker}@h` }),
    () => rabbitmq({ url: withPassword('amqp://h', SECRETS.broker), tls: {} }),
    () =>
      createConsumer({
        ...{ name: 'c', database, transport, handlers: {}, url: SECRETS.broker },
        messages: defineMessages({ a: messageType<string>() }),
      }),
  ]) {
    told.push(
      await Promise.resolve()
        .then<unknown>(work)
        .catch((error: unknown) => error),
    )
  }
  await eventually(() => told.length > 12)
  for (const each of told) {
    expectNoSecret(inspect(each, { depth: 20, showHidden: true }), 'inspected')
    expectNoSecret(JSON.stringify(each), 'as JSON')
    if (each instanceof Error)
      expectNoSecret(`${each.message} ${String(each.stack)} ${String(each.cause)}`, 'error')
  }
})

async function addressesOf(relay: Child): Promise<{ readonly health: string; readonly admin: string }> {
  interface Address {
    readonly port: number
  }
  const line = await relay.line(/"The relay starts\."/)
  const { health, admin } = JSON.parse(line) as { readonly health: Address; readonly admin: Address }
  return { health: `http://127.0.0.1:${health.port}`, admin: `http://127.0.0.1:${admin.port}` }
}

async function answerOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const response = await fetch(url, { headers })
  return `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`
}
