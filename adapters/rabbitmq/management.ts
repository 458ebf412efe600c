/** A queue as the management API shows it. */
export interface ManagedQueue {
  readonly name: string
  readonly type: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** What policies set, by name of the setting. */
  readonly policy: Readonly<Record<string, unknown>>
  readonly messages: number
  readonly consumers: number
  /** How many exchanges and routing keys it is bound to, the default exchange left out. */
  readonly bindings: number
}

/** Regular expressions of the names that a user may configure, write to and read from. */
export interface Permissions {
  readonly configure: string
  readonly write: string
  readonly read: string
}

/** What only the management API tells of a virtual host. */
export interface ManagementFacts {
  readonly queues: readonly ManagedQueue[]
  /** Null when the user may not see them. */
  readonly permissions: Permissions | null
}

export interface ManagementOptions {
  /** `http://user:password@host:15672` */
  readonly url: string
  /** Of the connection that is looked after: its virtual host and user are asked about. */
  readonly amqpUrl: string
  readonly signal: AbortSignal
}

/** @throws an error that says which address answered what. */
export async function inspectManagement(options: ManagementOptions): Promise<ManagementFacts> {
  const { pathname, username } = new URL(options.amqpUrl)
  const vhost = pathname.length > 1 ? pathname.slice(1) : '%2F'
  const user = username === '' ? 'guest' : username
  const queues = (await get(options, `queues/${vhost}?disable_stats=false`)) as readonly RawQueue[]
  const bindings = (await get(options, `bindings/${vhost}`)) as readonly RawBinding[]
  return {
    queues: queues.map((queue) => managedQueue(queue, bindings)),
    permissions: await permissionsOf(options, `permissions/${vhost}/${user}`),
  }
}

interface RawQueue {
  readonly name: string
  readonly type?: string
  readonly arguments?: Readonly<Record<string, unknown>>
  readonly effective_policy_definition?: Readonly<Record<string, unknown>>
  readonly messages?: number
  readonly consumers?: number
}

interface RawBinding {
  readonly source: string
  readonly destination: string
  readonly destination_type: string
}

function managedQueue(queue: RawQueue, bindings: readonly RawBinding[]): ManagedQueue {
  const { name, type = 'classic', messages = 0, consumers = 0 } = queue
  const own = bindings.filter(
    ({ source, destination, destination_type: kind }) =>
      kind === 'queue' && destination === name && source !== '',
  )
  return {
    name,
    type,
    arguments: queue.arguments ?? {},
    policy: queue.effective_policy_definition ?? {},
    messages,
    consumers,
    bindings: own.length,
  }
}

async function permissionsOf(options: ManagementOptions, path: string): Promise<Permissions | null> {
  try {
    return (await get(options, path)) as Permissions
  } catch (error) {
    // A monitoring user may see queues and not permissions.
    if (error instanceof ManagementError && [401, 403, 404].includes(error.status)) return null
    throw error
  }
}

class ManagementError extends Error {
  readonly status: number
  constructor(status: number, path: string) {
    super(`The management API answers ${String(status)} to /api/${path}.`)
    this.status = status
  }
}

async function get({ url, signal }: ManagementOptions, path: string): Promise<unknown> {
  const { protocol, host, pathname, username, password } = new URL(url)
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const response = await fetch(`${protocol}//${host}${pathname.replace(/\/$/, '')}/api/${path}`, {
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    signal,
  })
  if (!response.ok) throw new ManagementError(response.status, path)
  return response.json()
}
