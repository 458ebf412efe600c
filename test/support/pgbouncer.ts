import { existsSync } from 'node:fs'
import { chown, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { serverOwner } from './binaries.ts'
import { freePort } from './free-port.ts'
import { canInstall, install } from './install.ts'
import { startServerProcess } from './server-process.ts'
import { createTempDir } from './temp-dir.ts'

export interface PgbouncerOptions {
  /** Where the database is. */
  readonly url: string
  /** Connections to the server for each database and user. */
  readonly poolSize: number
}

/** A private PgBouncer in transaction mode that cleans up nothing between two users of a connection. */
export interface Pgbouncer extends AsyncDisposable {
  /** The same database through the pooler. */
  readonly url: string
}

export async function startPgbouncer({ url, poolSize }: PgbouncerOptions): Promise<Pgbouncer> {
  const program = await findPgbouncer()
  const owner = serverOwner()
  const home = await createTempDir('waybill-pgbouncer', owner)
  const port = await freePort()
  const file = join(home.path, 'pgbouncer.ini')
  await writeFile(file, settings(new URL(url), { port, poolSize, users: join(home.path, 'users.txt') }))
  await writeFile(join(home.path, 'users.txt'), '"waybill" ""\n')
  if (owner) await chown(file, owner.uid, owner.gid)
  const server = startServerProcess({
    file: program,
    args: [file],
    cwd: home.path,
    logFile: join(home.path, 'server.log'),
    owner,
  })
  const pooled = new URL(url)
  pooled.host = `127.0.0.1:${port}`
  pooled.username = 'waybill'
  pooled.password = ''
  await server.waitUntil(() => answers(pooled.href))
  return {
    url: pooled.href,
    [Symbol.asyncDispose]: async () => {
      await server.end('SIGKILL')
      await home.remove()
    },
  }
}

/** Debian puts it where only root looks. */
async function findPgbouncer(): Promise<string> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/opt/homebrew/bin']
  const find = (): string | undefined =>
    folders.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path))
  if (find() === undefined && canInstall()) await install('pgbouncer')
  const found = find()
  if (found === undefined) throw new Error('Install PgBouncer.')
  return found
}

interface Settings {
  readonly port: number
  readonly poolSize: number
  readonly users: string
}

function settings(server: URL, { port, poolSize, users }: Settings): string {
  const user = decodeURIComponent(server.username) || 'postgres'
  const password = server.password === '' ? '' : ` password='${decodeURIComponent(server.password)}'`
  return `[databases]
* = host=${server.hostname} port=${server.port || '5432'} user=${user}${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 200
server_reset_query =
server_reset_query_always = 0
`
}

async function answers(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('select 1')
  await client.end()
}
