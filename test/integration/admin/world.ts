import { createHash, randomUUID } from 'node:crypto'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import {
  createAdmin,
  tokenAuth,
  type Admin,
  type AdminOptions,
  type Grant,
} from '../../../relay/admin/index.ts'
import type { AuditEvent, OperationsOptions } from '../../../src/ports.ts'
import { createWorld, type World } from '../dead-letters/world.ts'
import { checkAnswer } from './conformance.ts'

/** The admin API on a real database, and what it has logged. */
export interface AdminWorld extends AsyncDisposable {
  readonly world: World
  readonly admin: Admin
  readonly api: Client
  /** All log lines as text. */
  readonly log: string[]
  audit(): Promise<readonly AuditEvent[]>
}

export interface Asked {
  /** Whose token; null: none. */
  readonly as?: keyof typeof TOKENS | null
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Of a change: made anew when it is left out. */
  readonly key?: string
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Null when the answer is no JSON. */
  readonly body: Record<string, unknown>
}

/** Asks the API at one address, and holds every answer against its document. */
export interface Client {
  readonly url: string
  get(path: string, asked?: Asked): Promise<Answered>
  post(path: string, asked?: Asked): Promise<Answered>
  send(method: string, path: string, asked?: Asked): Promise<Answered>
}

export const TOKENS = {
  rita: 'reader-9b1e7f5c0a',
  otto: 'operator-4c2d8e6f1b',
  ada: 'admin-7d3e9f0a2c',
  petra: 'reader-with-payload-5e4f0a1b3d',
} as const

const GRANTS: Readonly<Record<keyof typeof TOKENS, readonly Grant[]>> = {
  rita: ['reader'],
  otto: ['operator'],
  ada: ['admin', 'payload:read'],
  petra: ['reader', 'payload:read'],
}

export function testTokens(): Parameters<typeof tokenAuth>[0] {
  return Object.entries(TOKENS).map(([name, token]) => ({
    name,
    grants: GRANTS[name as keyof typeof TOKENS],
    sha256: createHash('sha256').update(token).digest('hex'),
  }))
}

export interface WorldOptions {
  readonly admin?: Partial<AdminOptions>
  readonly operations?: Omit<OperationsOptions, 'database'>
}

export async function createAdminWorld(options: WorldOptions = {}): Promise<AdminWorld> {
  const world = await createWorld(options.operations)
  const log: string[] = []
  const write = (fields: object, text: string): void => {
    log.push(
      `${text} ${JSON.stringify(fields, (_name, value: unknown) => (value instanceof Error ? (value.stack ?? '') : value))}`,
    )
  }
  const admin = createAdmin({
    operations: world.operations,
    authenticate: tokenAuth(testTokens()),
    classify: pgDatabase(world.pool).classify,
    logger: { debug: write, info: write, warn: write, error: write },
    ...options.admin,
  })
  const server = await admin.listen({ host: '127.0.0.1', port: 0 })
  return {
    world,
    admin,
    log,
    api: createClient(`http://127.0.0.1:${server.address.port}`),
    audit: async () => (await world.operations.audit.list({}, { limit: 200 })).items,
    [Symbol.asyncDispose]: async () => {
      await server.close()
      await world[Symbol.asyncDispose]()
    },
  }
}

export function createClient(url: string): Client {
  const send: Client['send'] = async (method, path, { as = 'rita', headers = {}, body, key } = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(as !== null && { authorization: `Bearer ${TOKENS[as]}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(method === 'POST' && { 'idempotency-key': key ?? randomUUID() }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const contentType = response.headers.get('content-type') ?? ''
    if (method !== 'HEAD')
      checkAnswer({
        method,
        path: new URL(`${url}${path}`).pathname,
        status: response.status,
        contentType,
        text,
      })
    const isJson = /[/+]json(;|$)/.test(contentType) && text !== ''
    const parsed: unknown = isJson ? JSON.parse(text) : null
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: parsed as Record<string, unknown>,
    }
  }
  return {
    url,
    send,
    get: (path, asked) => send('GET', path, asked),
    post: (path, asked) => send('POST', path, { as: 'otto', ...asked }),
  }
}
