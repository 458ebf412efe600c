import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Owner } from './temp-dir.ts'

const POSTGRES_HOMES = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt', '/usr']
const RABBITMQ_HOMES = ['/usr/lib/rabbitmq/lib', '/opt/homebrew/opt', '/usr/local/opt', '/opt']

/** The folder of PostgreSQL server programs: those of TEST_POSTGRES_BIN, else the newest, if there are any. */
export function findPostgres(): string | undefined {
  const given = process.env['TEST_POSTGRES_BIN']
  if (given) return given
  const versions = POSTGRES_HOMES.flatMap((home) => foldersLike(home, /^(\d+|postgresql@\d+|pgsql-\d+)$/))
  return firstWith('initdb', [...versions.map((folder) => join(folder, 'bin')), ...pathFolders()])
}

/**
 * The folder of RabbitMQ's own scripts, if there is one. Debian's wrappers on the PATH switch the user and speak to
 * the system's node, so the library's scripts come first. TEST_RABBITMQ_BIN_DIR names that of another release.
 */
export function findRabbitmq(): string | undefined {
  const chosen = process.env['TEST_RABBITMQ_BIN_DIR']
  if (chosen) return chosen
  const versions = RABBITMQ_HOMES.flatMap((home) => foldersLike(home, /^rabbitmq(_server-.+)?$/))
  return firstWith('rabbitmq-server', [...versions.map((folder) => join(folder, 'sbin')), ...pathFolders()])
}

/** PostgreSQL refuses to run as root; then it runs as the user `postgres`, or `nobody` where that one is missing. */
export function serverOwner(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined
  return userIds('postgres') ?? userIds('nobody')
}

function userIds(name: string): Owner | undefined {
  try {
    return { uid: idOf('-u', name), gid: idOf('-g', name) }
  } catch {
    return undefined // `id` fails for a user that does not exist.
  }
}

function idOf(flag: string, name: string): number {
  return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
}

function foldersLike(home: string, name: RegExp): string[] {
  if (!existsSync(home)) return []
  const newestFirst = new Intl.Collator('en', { numeric: true })
  const names = readdirSync(home).filter((entry) => name.test(entry))
  return names.sort((a, b) => newestFirst.compare(b, a)).map((entry) => join(home, entry))
}

function pathFolders(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
}

function firstWith(program: string, folders: readonly string[]): string | undefined {
  return folders.find((folder) => isExecutable(join(folder, program)))
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false // Missing, or not for us to run: either way not this one.
  }
}
