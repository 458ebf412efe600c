import { readdirSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { findRabbitmq } from './binaries.ts'
import { freePort } from './free-port.ts'
import { evalOn, runCtl, type Rabbitmqctl } from './rabbitmqctl.ts'
import { run } from './run.ts'
import { startServerProcess, type ServerProcess } from './server-process.ts'
import { sendSignal } from './signal.ts'
import { createTempDir } from './temp-dir.ts'

export interface RabbitmqOptions {
  /** Lines of rabbitmq.conf. */
  readonly settings?: Readonly<Record<string, string>>
  /** Plugins to enable, such as `rabbitmq_management`. @defaultValue none */
  readonly plugins?: readonly string[]
  /** @defaultValue a free one */
  readonly port?: number
  /** The folder of `rabbitmq-server` and `rabbitmqctl`. @defaultValue the one found on this machine */
  readonly binDir?: string
}

/** A private RabbitMQ node with its own epmd, cookie and name, free to be stopped, killed and frozen. */
export interface RabbitmqServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** The process id of the running node; another one after each start. */
  readonly pid: number
  /** How to reach this node by rabbitmqctl from another process. */
  readonly rabbitmqctl: Rabbitmqctl
  /** Runs rabbitmqctl against this node and no other; resolves with its output. */
  ctl(...args: string[]): Promise<string>
  /** Evaluates an Erlang expression inside the node. */
  eval(erlang: string): Promise<string>
  stop(): Promise<void>
  start(): Promise<void>
  kill(signal: NodeJS.Signals): Promise<void>
  /** Freezes the node: connections stay open and nothing answers. */
  pause(): void
  resume(): void
}

const TEST_SETTINGS: Readonly<Record<string, string>> = { 'disk_free_limit.absolute': '50MB' }

export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<RabbitmqServer> {
  const binDir = options.binDir ?? findRabbitmq()
  if (binDir === undefined) throw new Error('No RabbitMQ server on this machine.')
  const port = options.port ?? (await freePort())
  const home = await createTempDir('waybill-rabbitmq')
  const env = await environment(home.path, port, options)
  const epmd = await startEpmd(home.path, env)

  const launch = async (): Promise<ServerProcess> => {
    const logFile = join(home.path, 'server.log')
    const node = startServerProcess({
      file: join(binDir, 'rabbitmq-server'),
      args: [],
      cwd: home.path,
      logFile,
      env: { ...process.env, ...env },
    })
    await node.waitUntil(() => greets(port))
    return node
  }

  let current = await launch()
  const rabbitmqctl: Rabbitmqctl = { command: [join(binDir, 'rabbitmqctl')], env }
  const server: RabbitmqServer = {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    port,
    rabbitmqctl,
    get pid() {
      return current.pid
    },
    ctl: (...args) => runCtl(rabbitmqctl, args),
    eval: (erlang) => evalOn(rabbitmqctl, erlang),
    stop: async () => {
      if (!current.running) return
      server.resume()
      await current.end('SIGTERM')
    },
    start: async () => {
      if (!current.running) current = await launch()
    },
    kill: async (signal) => {
      sendSignal(current.pid, signal)
      if (signal === 'SIGKILL') await current.exited
    },
    pause: () => {
      sendSignal(current.pid, 'SIGSTOP')
    },
    resume: () => {
      sendSignal(current.pid, 'SIGCONT')
    },
    [Symbol.asyncDispose]: async () => {
      // What it holds is about to be deleted, so there is nothing to shut down in order.
      if (current.running) await current.end('SIGKILL')
      if (epmd.running) await epmd.end('SIGKILL')
      await home.remove()
    },
  }
  return server
}

/** Everything that would otherwise be shared with another node of this machine is named here. */
async function environment(
  home: string,
  port: number,
  options: RabbitmqOptions,
): Promise<Record<string, string>> {
  const settings = { ...TEST_SETTINGS, ...options.settings }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(join(home, 'rabbitmq.conf'), lines.join(''))
  writeFileSync(join(home, 'enabled_plugins'), `[${(options.plugins ?? []).join(',')}].\n`)
  await mkdir(join(home, 'log'))
  return {
    HOME: home,
    RABBITMQ_CONF_ENV_FILE: join(home, 'none'),
    RABBITMQ_NODENAME: `waybill-${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(home, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
    RABBITMQ_PID_FILE: join(home, 'pid'),
    // Makes the start script become the node, so that the process id is the node's and signals reach it.
    RUNNING_UNDER_SYSTEMD: 'true',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(await freePort()),
    // Loopback only, and no schedulers that spin while they wait for work.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none',
  }
}

/** Started by us in the foreground, because the one that a node starts for itself outlives the node. */
async function startEpmd(home: string, env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const port = Number(env['ERL_EPMD_PORT'])
  const epmd = startServerProcess({
    file: await epmdProgram(),
    args: ['-port', String(port), '-address', '127.0.0.1'],
    cwd: home,
    logFile: join(home, 'epmd.log'),
    env: { ...process.env, ...env },
  })
  await epmd.waitUntil(() => accepts(port))
  return epmd
}

async function epmdProgram(): Promise<string> {
  const show = 'io:format("~s", [code:root_dir()]), halt().'
  const root = (await run('erl', ['-noshell', '-eval', show])).trim()
  const runtime = readdirSync(root).find((folder) => folder.startsWith('erts-'))
  if (runtime === undefined) throw new Error(`No Erlang runtime under ${root}.`)
  return join(root, runtime, 'bin', 'epmd')
}

function accepts(port: number): Promise<void> {
  return exchange(port, undefined)
}

/** The broker answers the protocol header only when it is ready to let clients in. */
function greets(port: number): Promise<void> {
  return exchange(port, Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
}

function exchange(port: number, hello: Buffer | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port })
    const settle = (outcome: () => void) => () => {
      outcome()
      socket.destroy()
    }
    socket.once(
      'error',
      settle(() => {
        reject(new Error(`Nothing listens on port ${port} yet.`))
      }),
    )
    socket.once(
      'close',
      settle(() => {
        reject(new Error(`Port ${port} closed the connection.`))
      }),
    )
    socket.once(hello ? 'data' : 'connect', settle(resolve))
    if (hello) socket.write(hello)
  })
}
