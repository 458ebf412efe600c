import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import type { Rabbitmqctl } from './rabbitmqctl.ts'
import { findBroker, findDatabase } from './servers.ts'
import type { SharedBroker, SharedDatabase } from './shared-server.ts'
import { dropTemplates } from './template.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The shared server; `createTestDatabase` makes the database that a test uses. */
    databaseUrl: string
    /** How the names of this run's templates begin. */
    templates: string
    /** The shared broker; `createTestVhost` makes the vhost that a test uses. */
    amqpUrl: string
    /** How to run rabbitmqctl against the shared broker; null where only its URL is known. */
    rabbitmqctl: Rabbitmqctl | null
  }
}

interface Servers {
  readonly database: SharedDatabase
  readonly broker: SharedBroker
}

interface Shared {
  readonly servers: Promise<Servers>
  readonly templates: string
  users: number
}

/** Each project of the runner loads this module anew, so what they share hangs on the process. */
const holder = globalThis as typeof globalThis & { waybillTestServers?: Shared }

/** Starts both servers for the first project that asks, and ends them after the last one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (holder.waybillTestServers ??= share())
  shared.users += 1
  const { database, broker } = await shared.servers
  project.provide('databaseUrl', database.url)
  project.provide('templates', shared.templates)
  project.provide('amqpUrl', broker.url)
  project.provide('rabbitmqctl', broker.rabbitmqctl)
  return async () => {
    shared.users -= 1
    if (shared.users > 0) return
    delete holder.waybillTestServers
    try {
      await dropTemplates(database.url, shared.templates)
    } finally {
      await Promise.all([database[Symbol.asyncDispose](), broker[Symbol.asyncDispose]()])
    }
  }
}

function share(): Shared {
  const templates = `waybill_template_${randomBytes(4).toString('hex')}`
  return { servers: startBoth(), templates, users: 0 }
}

async function startBoth(): Promise<Servers> {
  const [database, broker] = await Promise.allSettled([findDatabase(), findBroker()])
  if (database.status === 'fulfilled' && broker.status === 'fulfilled') {
    return { database: database.value, broker: broker.value }
  }
  const reasons: unknown[] = []
  for (const server of [database, broker]) {
    if (server.status === 'fulfilled') await server.value[Symbol.asyncDispose]()
    else reasons.push(server.reason)
  }
  throw new AggregateError(reasons, reasons.map(String).join('\n'))
}
