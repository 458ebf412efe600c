import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { COMMANDS } from '../../relay/cli/commands.ts'
import { readConfig, KNOWN_NAMES } from '../../relay/config.ts'
import { HEALTH_PATHS } from '../../relay/health/health-server.ts'
import { DOORS, PROGRAM } from '../../scripts/doors.ts'
import { PROJECT_ROOT } from '../support/child.ts'
import { textOf } from './repository.ts'

interface Service {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly restart?: string
  readonly stop_grace_period?: string
}

interface Compose {
  readonly name: string
  readonly services: Readonly<Record<string, Service>>
  readonly volumes?: Readonly<Record<string, unknown>>
}

const compose = parse(textOf('docker-compose.yml')) as Compose
const services = Object.entries(compose.services)
const ours = services.filter(([, { build }]) => build !== undefined)
const commandNames = COMMANDS.map(({ name }) => name)

/** The instructions of the Dockerfile with what follows them, lines that go on joined. */
const instructions = textOf('relay/Dockerfile')
  .replaceAll(/^#.*$/gm, '')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => ({ name: line.trim().split(/\s/)[0]!, rest: line.trim().replace(/^\S+\s+/, '') }))

function given(name: string): string[] {
  return instructions.filter((instruction) => instruction.name === name).map(({ rest }) => rest)
}

/** A tag that says which release: `latest` and `20` mean another image tomorrow. */
const PINNED = /^[a-z0-9./-]+:\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?$/

describe('docker-compose.yml', () => {
  it('has the parts of the whole and no key that compose does not know', () => {
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(['postgres', 'rabbitmq', 'migrate', 'relay']),
    )
    const known = [
      ...[
        'build',
        'cap_drop',
        'command',
        'configs',
        'depends_on',
        'entrypoint',
        'environment',
        'healthcheck',
      ],
      ...['hostname', 'image', 'init', 'ports', 'profiles', 'read_only', 'restart', 'security_opt'],
      ...['stop_grace_period', 'tmpfs', 'user', 'volumes'],
    ]
    expect(
      Object.keys(compose).filter((key) => !['name', 'services', 'volumes', 'configs'].includes(key)),
    ).toEqual([])
    expect(
      services.flatMap(([, service]) => Object.keys(service)).filter((key) => !known.includes(key)),
    ).toEqual([])
  })

  it('pins every foreign image to a release', () => {
    const foreign = services.filter(([, { build }]) => build === undefined).map(([, { image }]) => image)
    expect(foreign.length).toBeGreaterThan(0)
    expect(foreign.filter((image) => !PINNED.test(image))).toEqual([])
  })

  it('publishes ports on the loopback address only', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? [])
    expect(ports.length).toBeGreaterThan(0)
    expect(ports.filter((port) => !/^127\.0\.0\.1:(\d+|\$\{[A-Z_]+:-\d+\}):\d+$/.test(port))).toEqual([])
  })

  it('waits only for services that can say when they are ready or done', () => {
    const waits = services.flatMap(([, service]) => Object.entries(service.depends_on ?? {}))
    expect(waits.length).toBeGreaterThan(0)
    for (const [name, { condition }] of waits) {
      const target = compose.services[name]
      if (condition === 'service_healthy') expect(target?.healthcheck?.test).toBeDefined()
      else if (condition === 'service_completed_successfully') expect(target?.restart).toBe('no')
      else expect.fail(`${name} is waited for by ${condition}`)
    }
  })

  it('declares the volumes that it uses', () => {
    const named = services
      .flatMap(([, service]) => service.volumes ?? [])
      .map((volume) => volume.split(':')[0]!)
    const files = named.filter((source) => source.startsWith('.'))
    expect(files.filter((file) => !existsSync(join(PROJECT_ROOT, file)))).toEqual([])
    expect(named.filter((source) => !source.startsWith('.') && !(source in (compose.volumes ?? {})))).toEqual(
      [],
    )
  })

  it('builds our image from a context and a file that exist', () => {
    for (const [, { build }] of ours) {
      expect(existsSync(join(PROJECT_ROOT, build!.context, build!.dockerfile))).toBe(true)
    }
  })

  it.each(ours)('runs a command that exists as %s', (_name, { command }) => {
    expect(commandNames).toContain(command?.[0])
  })

  it.each(ours)('gives %s a configuration that is accepted', (_name, { command, environment = {} }) => {
    const config = readConfig(command?.[0] === 'relay' ? 'relay' : 'database', { env: environment })
    // The databases and brokers that it names are services here, with the credentials given there.
    for (const url of [config.values.WAYBILL_DATABASE_URL, config.values.WAYBILL_AMQP_URL]) {
      if (url === null) continue
      const { hostname, username, password } = new URL(url)
      const server = Object.values(compose.services[hostname]?.environment ?? {})
      expect(server).toEqual(expect.arrayContaining([username, password]))
    }
  })

  it('publishes the health checks at the port where the relay serves them', () => {
    const relay = compose.services['relay']!
    const { port } = readConfig('relay', { env: relay.environment! }).values.WAYBILL_HEALTH_LISTEN
    expect(relay.ports?.some((published) => published.endsWith(`:${port}`))).toBe(true)
    expect(given('EXPOSE')).toEqual([String(port)])
  })

  it('checks health by a command, or at a path, that exists', () => {
    const checks = ours.flatMap(([, { healthcheck }]) => (healthcheck?.test ? [healthcheck.test] : []))
    expect(checks.length).toBeGreaterThan(0)
    for (const test of checks) checkHealthCommand(test.slice(1))
  })

  it('lets the relay finish before it is killed', () => {
    const relay = compose.services['relay']!
    const { values } = readConfig('relay', { env: relay.environment! })
    expect(Number(/^(\d+)s$/.exec(relay.stop_grace_period ?? '')?.[1]) * 1000).toBeGreaterThan(
      values.WAYBILL_SHUTDOWN_TIMEOUT_MS,
    )
  })
})

describe('relay/Dockerfile', () => {
  it('keeps the SDK of OpenTelemetry, which is a development dependency of the package, in the image', () => {
    const [build] = given('RUN').filter((rest) => rest.includes('npm prune --omit=dev'))
    const sdk = '@opentelemetry/sdk-node'
    expect(build?.indexOf(`npm pkg set "dependencies.${sdk}=`)).toBeGreaterThan(0)
    expect(build?.indexOf(`npm pkg set "dependencies.${sdk}=`)).toBeLessThan(build?.indexOf('npm prune') ?? 0)
    const { devDependencies } = JSON.parse(textOf('package.json')) as {
      devDependencies: Record<string, string>
    }
    expect(devDependencies[sdk]).toBeDefined()
  })

  it('starts from images that are pinned to a release', () => {
    const images = given('FROM').map((rest) => rest.split(/\s/)[0]!)
    expect(images).toHaveLength(2)
    expect(images.filter((image) => !PINNED.test(image))).toEqual([])
  })

  it('copies files that exist, and that .dockerignore lets through', () => {
    const ignore = textOf('.dockerignore').split('\n')
    const copied = given('COPY')
      .filter((rest) => !rest.startsWith('--from'))
      .flatMap((rest) => rest.split(/\s+/).slice(0, -1))
    expect(copied.length).toBeGreaterThan(0)
    for (const path of copied) {
      expect(existsSync(join(PROJECT_ROOT, path)), path).toBe(true)
      expect(ignore).toContain(`!${path.replace(/\/$/, '')}`)
    }
  })

  it('has all that the build needs: the source of every door', () => {
    const copied = given('COPY').flatMap((rest) => rest.split(/\s+/).slice(0, -1))
    const sources = Object.values({ ...DOORS, ...PROGRAM }).map((source) => `${source.split('/')[0]!}/`)
    expect(sources.filter((folder) => !copied.includes(folder))).toEqual([])
  })

  it('runs the program that the build makes, with a command that exists, and not as root', () => {
    const entry = JSON.parse(given('ENTRYPOINT')[0]!) as string[]
    expect(entry.at(-1)).toBe(`dist/${Object.keys(PROGRAM)[0]!}.js`)
    expect(commandNames).toContain((JSON.parse(given('CMD')[0]!) as string[])[0])
    expect(given('USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)])
  })

  it('sets variables that exist to values that are accepted', () => {
    const set = given('ENV').flatMap((rest) =>
      rest.split(/\s+/).map((pair) => pair.split('=') as [string, string]),
    )
    const env = Object.fromEntries(set.filter(([name]) => name.startsWith('WAYBILL_')))
    expect(Object.keys(env).filter((name) => !KNOWN_NAMES.includes(name))).toEqual([])
    expect(readConfig('nothing', { env }).values.WAYBILL_HEALTH_LISTEN.host).toBe('0.0.0.0')
  })

  it('checks health by a command, or at a path, that exists', () => {
    const command = /CMD\s+(\[.*\])/.exec(given('HEALTHCHECK')[0]!)?.[1]
    checkHealthCommand(JSON.parse(command!) as string[])
  })
})

/** Either `node dist/waybill.js <command> [options]`, or something that names a path of the health server. */
function checkHealthCommand(words: readonly string[]): void {
  const [node, program, name, ...options] = words
  if (program === `dist/${Object.keys(PROGRAM)[0]!}.js`) {
    const command = COMMANDS.find((candidate) => candidate.name === name)
    expect(node).toBe('node')
    expect(command?.name).toBe('health')
    for (const option of options) expect(Object.keys(command!.options)).toContain(option.replace(/^--/, ''))
  } else {
    const paths = words.join(' ').match(/\/[a-z]+z\b/g) ?? []
    expect(paths.length).toBeGreaterThan(0)
    for (const path of paths) expect(Object.values(HEALTH_PATHS)).toContain(path)
  }
}
