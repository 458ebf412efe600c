import pg from 'pg'
import { pgPool } from '../../adapters/pg/index.ts'
import { migrate } from '../../adapters/postgres/index.ts'
import { createHistory, type History } from '../fuzz/history.ts'
import { startChild, type Child } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { QUICK_TIMES } from '../support/quick-times.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { toVariables, type ProcessEnvironment } from './environment.ts'
import { createRoles } from './roles.ts'
import { createDatabase, createVhost, type Servers } from './servers.ts'
import { startTap, type Tap } from './tap.ts'
import { createTruth } from './truth.ts'
import type { Sample } from './watch.ts'

export type Variables = Readonly<Record<string, string>>

/** Few messages in flight, so that repeats are few, and nothing that is waited for longer than a scenario takes. */
const QUICK: Variables = {
  ...QUICK_TIMES,
  WAYBILL_AMQP_CONNECT_TIMEOUT_MS: '3000',
  WAYBILL_DATABASE_CONNECT_TIMEOUT_MS: '2000',
  WAYBILL_GATE_MAX_MS: '500',
  WAYBILL_RETRY_BASE_MS: '200',
  WAYBILL_RETRY_MAX_MS: '500',
  WAYBILL_SWEEP_MS: '5000',
  WAYBILL_SAMPLE_MS: '500',
  WAYBILL_WINDOW: '200',
  WAYBILL_HEALTH_LISTEN: '127.0.0.1:0',
}

/** More than one relay can have handed to the broker and not removed: what is in flight, and what is being removed. */
export const MOST_IN_FLIGHT: number = 2 * Number(QUICK['WAYBILL_WINDOW'])

export type Role = 'relay' | 'consumer' | 'writer'

/** One process of a scenario. */
export interface Running {
  readonly role: Role
  readonly name: string
  readonly child: Child
  /** As what it was started. */
  readonly given: Partial<ProcessEnvironment>
  /** Whether it was not ended or killed yet. */
  readonly alive: boolean
}

export interface Wanted {
  readonly role: Role
  readonly name: string
  /** Of consumers and writers. */
  readonly given?: Partial<ProcessEnvironment>
  /** Over the addresses and {@link QUICK}. */
  readonly env?: Variables
}

/** Who stands between the processes and the servers. */
export interface Proxies {
  readonly relayBroker: TcpProxy
  readonly relayDatabase: TcpProxy
  readonly consumerBroker: TcpProxy
  readonly consumerDatabase: TcpProxy
}

export const allOf = (proxies: Proxies): readonly TcpProxy[] => [
  ...[proxies.relayBroker, proxies.relayDatabase],
  ...[proxies.consumerBroker, proxies.consumerDatabase],
]

/** A database and a vhost of its own, with real processes around them, and the history of what happens there. */
export interface Stage extends AsyncDisposable {
  readonly servers: Servers
  readonly proxies: Proxies
  readonly vhost: string
  /** Straight to the servers, with all rights. */
  readonly databaseUrl: string
  readonly amqpUrl: string
  /** Of the one who judges; straight to the server. */
  readonly pool: pg.Pool
  readonly history: History
  readonly tap: Tap
  /** All that were started, those that have ended included. */
  readonly processes: readonly Running[]
  /** What they have said of themselves so far. */
  readonly samples: Sample[]
  /** What `waybill status` has said so far, with its exit codes. */
  readonly statuses: { readonly code: number | null; readonly said: string }[]
  /** Moments that are being looked at. */
  readonly watching: Promise<void>[]
  /** Whether it comes to its end: nobody is to be started anew. */
  ended: boolean
  /** Starts a process without waiting for it. */
  start(wanted: Wanted): Running
  waybill(args: readonly string[]): Child
}

const FILES: Readonly<Record<Role, string>> = {
  relay: 'relay/main.ts',
  consumer: 'test/faults/consumer.child.ts',
  writer: 'test/faults/writer.child.ts',
}

const RUNS: Readonly<Record<Role, RegExp>> = {
  relay: /"The relay runs\."/,
  consumer: /^consuming$/,
  writer: /^writing$/,
}

/** Waits until it does its work. */
export const runs = ({ role, child }: Running): Promise<string> => child.line(RUNS[role])

/** Whether it has begun its work. */
export const hasBegun = ({ role, child }: Running): boolean =>
  child.output.split('\n').some((line) => RUNS[role].test(line))

export async function createStage(servers: Servers): Promise<Stage> {
  const databaseUrl = await createDatabase(servers.postgres)
  const { name: vhost, url: amqpUrl } = await createVhost(servers.rabbitmq)
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 8, application_name: 'judge' })
  pool.on('error', () => undefined)
  await migrate(pgPool(pool))
  await createTruth(pool)
  const roles = await createRoles(pool, databaseUrl)
  const history = createHistory()
  const tap = await startTap(amqpUrl, history)
  const proxies = await startProxies(servers)
  const processes: Running[] = []
  const common = {
    relay: addresses(proxies.relayDatabase.url(roles.relay), proxies.relayBroker.url(amqpUrl)),
    consumer: addresses(proxies.consumerDatabase.url(roles.consumer), proxies.consumerBroker.url(amqpUrl)),
    writer: addresses(roles.writer, amqpUrl),
  }
  const stage: Stage = {
    ...{ servers, proxies, vhost, databaseUrl, amqpUrl, pool, history, tap, processes },
    samples: [],
    statuses: [],
    watching: [],
    ended: false,
    start({ role, name, given = {}, env = {} }) {
      const own = role === 'relay' ? { ...QUICK, WAYBILL_HOST: name } : toVariables(given)
      const child = startChild(FILES[role], {
        args: role === 'relay' ? ['relay'] : [],
        env: { ...common[role], ...own, ...env },
      })
      let alive = true
      void child.exited.then(() => {
        alive = false
      })
      const running: Running = {
        ...{ role, name, child, given },
        get alive() {
          return alive
        },
      }
      processes.push(running)
      return running
    },
    waybill: (args) => startChild(FILES.relay, { args, env: addresses(roles.operator, amqpUrl) }),
    [Symbol.asyncDispose]: async () => {
      stage.ended = true
      for (const { child } of processes) await child.kill('SIGKILL')
      await tap[Symbol.asyncDispose]()
      for (const proxy of allOf(proxies)) await proxy.close()
      await pool.end()
      await servers.rabbitmq.ctl('delete_vhost', vhost).catch(() => undefined)
    },
  }
  return stage
}

const addresses = (database: string, broker: string): Variables => ({
  WAYBILL_DATABASE_URL: database,
  WAYBILL_AMQP_URL: broker,
})

async function startProxies({ postgres, rabbitmq }: Servers): Promise<Proxies> {
  const to = (port: number): Promise<TcpProxy> => startTcpProxy({ host: '127.0.0.1', port })
  return {
    relayBroker: await to(rabbitmq.port),
    relayDatabase: await to(postgres.port),
    consumerBroker: await to(rabbitmq.port),
    consumerDatabase: await to(postgres.port),
  }
}

/** Waits until so many more messages have arrived: then whatever is done next is done under load. */
export async function underLoad({ history }: Stage, more = 50): Promise<void> {
  const { length } = history.arrivals
  await eventually(() => history.arrivals.length >= length + more, { everyMs: 5, timeoutMs: 60_000 })
}
