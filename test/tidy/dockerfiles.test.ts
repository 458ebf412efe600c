import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { COMMANDS } from '../../relay/cli/commands.ts'
import { KNOWN_NAMES, readConfig } from '../../relay/config.ts'
import { DOORS, PROGRAM } from '../../scripts/doors.ts'
import { PROJECT_ROOT } from '../support/child.ts'
import { run } from '../support/run.ts'
import { copiedBy, dockerfile, PINNED } from './dockerfile.ts'
import { checkHealthCommand } from './health-command.ts'
import { textOf } from './repository.ts'

const RELAY = 'relay/Dockerfile'
const EXAMPLE = 'examples/orders-credit/Dockerfile'

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(textOf('package.json')) as Manifest
const ignore = textOf('.dockerignore').split('\n')

describe.each([RELAY, EXAMPLE])('%s', (file) => {
  const given = dockerfile(file)

  it('starts from images that are pinned to a release', () => {
    const images = given('FROM').map((rest) => rest.split(/\s/)[0]!)
    expect(images).toHaveLength(2)
    expect(images.filter((image) => !PINNED.test(image))).toEqual([])
  })

  it('copies files that exist, and that .dockerignore lets through', () => {
    const copied = copiedBy(given)
    expect(copied.length).toBeGreaterThan(0)
    for (const path of copied) {
      expect(existsSync(join(PROJECT_ROOT, path)), path).toBe(true)
      expect(ignore).toContain(`!${path.replace(/\/$/, '')}`)
    }
  })

  it('has all that the build needs: the source of every door', () => {
    const sources = Object.values({ ...DOORS, ...PROGRAM }).map((source) => `${source.split('/')[0]!}/`)
    expect(sources.filter((folder) => !copiedBy(given).includes(folder))).toEqual([])
  })

  it('is not root, by number', () => {
    expect(given('USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)])
  })

  it('checks health by a command, or at a path, that exists', () => {
    const command = /CMD\s+(\[.*\])/.exec(given('HEALTHCHECK')[0]!)?.[1]
    checkHealthCommand(JSON.parse(command!) as string[])
  })

  it('keeps what is a development dependency of the package and needed in the image', () => {
    const [build = ''] = given('RUN').filter((rest) => rest.includes('npm prune --omit=dev'))
    expect(build.indexOf('npm pkg set "dependencies.')).toBeGreaterThan(0)
    expect(build.indexOf('npm pkg set "dependencies.')).toBeLessThan(build.indexOf('npm prune'))
    expect(build).toContain('@opentelemetry/sdk-node')
    expect(manifest.devDependencies['@opentelemetry/sdk-node']).toBeDefined()
  })
})

describe(RELAY, () => {
  const given = dockerfile(RELAY)

  it('runs the program that the build makes, with a command that exists', () => {
    const entry = JSON.parse(given('ENTRYPOINT')[0]!) as string[]
    expect(entry.at(-1)).toBe(`dist/${Object.keys(PROGRAM)[0]!}.js`)
    expect(COMMANDS.map(({ name }) => name)).toContain((JSON.parse(given('CMD')[0]!) as string[])[0])
  })

  it('sets variables that exist to values that are accepted', () => {
    const set = given('ENV').flatMap((rest) =>
      rest.split(/\s+/).map((pair) => pair.split('=') as [string, string]),
    )
    const env = Object.fromEntries(set.filter(([name]) => name.startsWith('WAYBILL_')))
    expect(Object.keys(env).filter((name) => !KNOWN_NAMES.includes(name))).toEqual([])
    expect(readConfig('nothing', { env }).values.WAYBILL_HEALTH_LISTEN.host).toBe('0.0.0.0')
  })
})

describe(EXAMPLE, () => {
  const [build = ''] = dockerfile(EXAMPLE)('RUN').filter((rest) => rest.includes('npx esbuild'))

  it('makes programs that import nothing but Waybill and what is in the image', async () => {
    const out = await mkdtemp(join(tmpdir(), 'waybill-image-'))
    try {
      const [, words = ''] = /npx esbuild (.*?) --outdir=example/.exec(build) ?? []
      await run('npx', ['esbuild', ...words.trim().split(/\s+/), `--outdir=${out}`], { cwd: PROJECT_ROOT })
      expect((await readdir(out)).sort()).toEqual(['serve-credit.js', 'serve-orders.js'])
      for (const program of await readdir(out)) {
        const imported = importsOf(await readFile(join(out, program), 'utf8'))
        expect(imported.filter((name) => !isThere(name))).toEqual([])
        expect(imported).toContain('waybill')
      }
    } finally {
      await rm(out, { recursive: true })
    }
  })

  function isThere(name: string): boolean {
    if (name.startsWith('node:')) return true
    const [, kept = ''] = /for name in (.*?);/.exec(build) ?? []
    const door = name === 'waybill' ? 'index' : name.replace(/^waybill\//, '')
    return door in DOORS || name in manifest.dependencies || kept.split(' ').includes(name)
  }
})

function importsOf(code: string): string[] {
  return [...code.matchAll(/^import .*?"([^"]+)";$/gm)].map(([, name]) => name!)
}
