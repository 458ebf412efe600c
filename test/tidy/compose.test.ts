import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { PROJECT_ROOT } from '../support/child.ts'
import { textOf } from './repository.ts'

interface Service {
  readonly image?: string
  readonly build?: unknown
  readonly healthcheck?: unknown
  readonly ports?: readonly string[]
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
}

const FILE = 'docker-compose.yml'
const compose = existsSync(join(PROJECT_ROOT, FILE)) ? (parse(textOf(FILE)) as Compose) : undefined

it('starts the two servers that the suites look for, and says when they are ready', () => {
  expect(compose?.services['postgres']).toMatchObject({ healthcheck: expect.anything() as unknown })
  expect(compose?.services['rabbitmq']).toMatchObject({ healthcheck: expect.anything() as unknown })
})

it('names the version of each image', () => {
  const images = Object.values(compose?.services ?? {}).flatMap(({ image }) => image ?? [])
  expect(images.filter((image) => !/:\d/.test(image))).toEqual([])
})

it('opens ports to this machine alone', () => {
  const ports = Object.values(compose?.services ?? {}).flatMap((service) => service.ports ?? [])
  expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
})
