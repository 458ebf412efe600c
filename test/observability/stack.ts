import { startChild, type Child } from '../support/child.ts'
import { environmentOf, serviceOf } from '../support/compose-file.ts'
import { freePort } from '../support/free-port.ts'

/** Where the servers of this machine are, in place of those of docker-compose.yml. */
export interface Servers {
  readonly databaseUrl: string
  readonly amqpUrl: string
  /** Given to every process over what the file says. */
  readonly env: Readonly<Record<string, string>>
}

/** The services of docker-compose.yml that are built from this repository, as processes of this machine. */
export interface Stack extends AsyncDisposable {
  /** Where a service of the file listens here, from `name:port`. */
  address(of: string): string
  /** Starts a service with the command and the variables of the file, addresses apart. */
  start(name: string): Child
}

/** What an image of the file runs, as it is in the repository. */
const PROGRAMS: Readonly<
  Record<string, (command: readonly string[]) => [file: string, args: readonly string[]]>
> = {
  'waybill:local': (command) => ['relay/main.ts', command],
  'waybill-example:local': ([file = '']) => [`examples/orders-credit/${file.replace(/\.js$/, '.ts')}`, []],
}

const NAMES = ['migrate', 'relay-1', 'relay-2', 'orders', 'credit']

/** Addresses of containers stand for all of their own machine. */
const LISTENS = /^0\.0\.0\.0:(\d+)$/

export async function createStack(servers: Servers): Promise<Stack> {
  const children: Child[] = []
  const ports = await portsFor(NAMES)
  const address = (of: string): string => {
    const port = ports.get(of)
    if (port === undefined) throw new Error(`Nobody listens at ${of} in docker-compose.yml.`)
    return `127.0.0.1:${port}`
  }
  const local = (name: string, value: string): string => {
    const [, port] = LISTENS.exec(value) ?? []
    return port === undefined ? elsewhere(value, servers) : address(`${name}:${port}`)
  }
  return {
    address,
    start(name) {
      const { image, command = [] } = serviceOf(name)
      const [file, args] = PROGRAMS[image]!(command)
      const given = Object.entries(environmentOf(name)).map(([key, value]) => [key, local(name, value)])
      const env = { ...(Object.fromEntries(given) as Record<string, string>), ...servers.env }
      const child = startChild(file, { args, env })
      children.push(child)
      return child
    },
    [Symbol.asyncDispose]: async () => {
      for (const child of children) await child.kill('SIGKILL')
    },
  }
}

async function portsFor(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>()
  for (const name of names) {
    for (const value of Object.values(environmentOf(name))) {
      const [, port] = LISTENS.exec(value) ?? []
      if (port !== undefined) ports.set(`${name}:${port}`, await freePort())
    }
  }
  return ports
}

/** Only what says where a server is, and how its database is called, is another one here. */
function elsewhere(value: string, { databaseUrl, amqpUrl }: Servers): string {
  if (value.startsWith('amqp://')) return amqpUrl
  const database = new URL(databaseUrl)
  if (value.startsWith('waybill.')) return value.replace('waybill', database.pathname.slice(1))
  if (!value.startsWith('postgres://')) return value
  database.search = new URL(value).search
  return database.href
}
