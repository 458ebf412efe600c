import { join } from 'node:path'
import pg from 'pg'
import { findPostgres, serverOwner } from './binaries.ts'
import { freePort } from './free-port.ts'
import { run } from './run.ts'
import { startServerProcess, type ServerProcess } from './server-process.ts'
import { childrenOf, freeze, sendSignal, thaw } from './signal.ts'
import { createTempDir, type Owner } from './temp-dir.ts'

export interface PostgresOptions {
  /** Server settings, over those of the tests. Set `fsync` to `on` where the disk must be waited for. */
  readonly settings?: Readonly<Record<string, string>>
  /** @defaultValue a free one */
  readonly port?: number
  /** The folder of `initdb` and `postgres`. @defaultValue the newest found on this machine */
  readonly binDir?: string
  /** Fills the directory that the server is to live in. @defaultValue `initdb` */
  readonly initialise?: (place: DataPlace) => Promise<void>
}

export interface DataPlace {
  readonly binDir: string
  readonly dataDir: string
  /** Whom the files must belong to. */
  readonly owner: Owner | undefined
}

/** A private PostgreSQL in a temporary directory, free to be stopped, killed and frozen. */
export interface PostgresServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly dataDir: string
  /** The process id of the running server; another one after each start. */
  readonly pid: number
  /** `fast` breaks off sessions and shuts down in order; `immediate` is a crash that leaves recovery to do. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>
  start(): Promise<void>
  restart(): Promise<void>
  /** Signals the server; SIGKILL takes its children along, as the end of the machine would. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Freezes every process of the server: connections stay open and nothing answers. */
  pause(): void
  resume(): void
}

/** fsync=off is safe here: a killed server finds its writes in the system's cache, only a dead machine would not. */
const TEST_SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  max_connections: '200',
  max_prepared_transactions: '20',
  listen_addresses: '127.0.0.1',
}

const STOP_SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const binDir = options.binDir ?? findPostgres()
  if (binDir === undefined) throw new Error('No PostgreSQL server on this machine.')
  const port = options.port ?? (await freePort())
  const owner = serverOwner()
  const home = await createTempDir('waybill-postgres', owner)
  const dataDir = join(home.path, 'data')
  await (options.initialise ?? initialise)({ binDir, dataDir, owner })

  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const settings = { ...TEST_SETTINGS, unix_socket_directories: home.path, ...options.settings }
  const launch = async (): Promise<ServerProcess> => {
    const server = startServerProcess({
      file: join(binDir, 'postgres'),
      args: ['-D', dataDir, '-p', String(port), ...settingArguments(settings)],
      cwd: home.path,
      logFile: join(home.path, 'server.log'),
      owner,
      endAtOnce: 'QUIT',
    })
    await server.waitUntil(() => answers(url))
    return server
  }

  let current = await launch()
  const server: PostgresServer = {
    url,
    port,
    dataDir,
    get pid() {
      return current.pid
    },
    stop: async (mode = 'fast') => {
      if (current.running) thaw(current.pid)
      if (current.running) await current.end(STOP_SIGNALS[mode])
    },
    start: async () => {
      if (!current.running) current = await launch()
    },
    restart: async () => {
      await server.stop()
      await server.start()
    },
    kill: async (signal) => {
      await killServer(current, signal)
    },
    pause: () => {
      freeze(current.pid)
    },
    resume: () => {
      thaw(current.pid)
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop('immediate')
      await home.remove()
    },
  }
  return server
}

async function initialise({ binDir, dataDir, owner }: DataPlace): Promise<void> {
  const args = ['-D', dataDir, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  await run(join(binDir, 'initdb'), args, { cwd: join(dataDir, '..'), ...owner })
}

function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

async function answers(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined) // A server that is just starting may break the connection off again.
  await client.connect()
  await client.end()
}

async function killServer(server: ServerProcess, signal: NodeJS.Signals): Promise<void> {
  const children = signal === 'SIGKILL' ? childrenOf(server.pid) : []
  sendSignal(server.pid, signal)
  for (const child of children) sendSignal(child, signal)
  if (signal === 'SIGKILL') await server.exited
}
