import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { findPostgres } from './binaries.ts'
import { eventually } from './eventually.ts'
import { startPostgres, type DataPlace, type PostgresServer } from './postgres-server.ts'
import { run } from './run.ts'
import { createTempDir } from './temp-dir.ts'

/** Where the server listens that is to be copied; a proxy before it will do. */
export interface CopySource {
  readonly port: number
}

/** A base backup, taken while the source goes on, that becomes a server of its own: what is committed later it lacks. */
export async function restoreCopy(source: CopySource): Promise<PostgresServer> {
  const server = await startPostgres({
    settings: { restore_command: 'false' },
    initialise: async (place) => {
      await baseBackup(source, place)
      await writeFile(join(place.dataDir, 'recovery.signal'), '')
    },
  })
  await promoted(server)
  return server
}

/** A standby that follows its source, without making it wait, until it is promoted. */
export async function startStandby(source: CopySource): Promise<PostgresServer> {
  return startPostgres({ initialise: (place) => baseBackup(source, place, '--write-recovery-conf') })
}

export async function promote(standby: PostgresServer): Promise<void> {
  await ask(standby, 'select pg_promote(wait => false)')
  await promoted(standby)
}

/** Waits until a standby has replayed all that its source has committed by now. */
export async function caughtUp(standby: PostgresServer, source: PostgresServer): Promise<void> {
  const position = await ask(source, 'select pg_current_wal_lsn()')
  await eventually(
    async () => (await ask(standby, `select pg_last_wal_replay_lsn() >= '${position}'`)) === 'true',
  )
}

/** Brings the default database of one cluster into the empty one of another, as an upgrade or a move does. */
export async function dumpInto(source: PostgresServer, target: PostgresServer): Promise<void> {
  const binDir = findPostgres() ?? ''
  await using home = await createTempDir('waybill-dump')
  const file = join(home.path, 'dump')
  await run(join(binDir, 'pg_dump'), ['--format=custom', `--file=${file}`, source.url])
  await run(join(binDir, 'pg_restore'), ['--exit-on-error', `--dbname=${target.url}`, file])
}

async function baseBackup({ port }: CopySource, place: DataPlace, ...more: string[]): Promise<void> {
  const { binDir, dataDir, owner } = place
  const from = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres']
  const args = [...from, '-D', dataDir, '-X', 'stream', '-c', 'fast', '--no-sync', ...more]
  await run(join(binDir, 'pg_basebackup'), args, { cwd: join(dataDir, '..'), ...owner })
}

async function promoted(server: PostgresServer): Promise<void> {
  await eventually(async () => (await ask(server, 'select pg_is_in_recovery()')) === 'false')
}

async function ask(server: PostgresServer, statement: string): Promise<string> {
  const client = new pg.Client({ connectionString: server.url, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query<unknown[]>({ text: statement, rowMode: 'array' })
    return String(rows[0]?.[0])
  } finally {
    await client.end()
  }
}
