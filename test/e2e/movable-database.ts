import pg from 'pg'
import { check, type Verdict } from '../fuzz/checker.ts'
import type { StatusReport } from '../../relay/cli/status-command.ts'
import { createTestVhost } from '../support/broker.ts'
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { createStage, type Stage } from './stage.ts'

/** A stage whose database has an address that can be led to another server. */
export interface MovableDatabase extends AsyncDisposable {
  readonly stage: Stage
  readonly primary: PostgresServer
  /** From now on the address leads there; what is connected is cut off. */
  moveTo(server: PostgresServer): void
  status(): Promise<StatusReport & { readonly table: string }>
}

export async function createMovableDatabase(): Promise<MovableDatabase> {
  const primary = await startPostgres()
  const vhost = await createTestVhost()
  const target = { host: '127.0.0.1', port: primary.port }
  const proxy = await startTcpProxy(target)
  const stage = await createStage({
    databaseUrl: proxy.url(primary.url),
    amqpUrl: vhost.url,
    // Whatever is found is found without the help of the rare sweep.
    env: { WAYBILL_SWEEP_MS: '3600000' },
  })
  return {
    stage,
    primary,
    moveTo(server) {
      target.port = server.port
      proxy.reset()
    },
    async status() {
      const [json, table] = [stage.waybill(['status', '--json']), stage.waybill(['status'])]
      await Promise.all([json.exited, table.exited])
      return { ...(JSON.parse(json.output) as StatusReport), table: table.output }
    },
    [Symbol.asyncDispose]: async () => {
      for (const part of [stage, proxy, vhost, primary]) await part[Symbol.asyncDispose]()
    },
  }
}

/** What was prepared when the server was copied holds its locks until somebody decides. */
export async function rollBackPrepared(server: PostgresServer): Promise<void> {
  const client = new pg.Client(server.url)
  await client.connect()
  const { rows } = await client.query<{ gid: string }>('select gid from pg_prepared_xacts')
  for (const { gid } of rows) await client.query(`rollback prepared '${gid}'`)
  await client.end()
}

/** A server's own outbox: what it still holds, whoever has published it already. */
export async function retained(server: PostgresServer): Promise<ReadonlyMap<string, string>> {
  const client = new pg.Client(server.url)
  await client.connect()
  const { rows } = await client.query<{ id: string; place: string }>(
    `select message_id::text as id, lane || ' ' || id as place from waybill.outbox`,
  )
  await client.end()
  return new Map(rows.map(({ id, place }) => [id, place]))
}

/** Judges a stage as if `lost`, which went down with a server, had never been written, and never arrived. */
export async function verdictWithout(stage: Stage, lost: ReadonlySet<string>): Promise<Verdict> {
  const { history } = stage
  const { rows } = await stage.pool.query<{ id: string }>('select message_id::text as id from waybill.outbox')
  const left = new Set(rows.map(({ id }) => id))
  const written = new Map([...history.written].filter(([id]) => !lost.has(id)))
  const arrivals = history.arrivals.filter(({ messageId }) => !lost.has(messageId))
  return check({ ...history, written, arrivals }, left)
}
