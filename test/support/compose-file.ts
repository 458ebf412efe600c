import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { PROJECT_ROOT } from './child.ts'

export interface ComposeService {
  readonly image: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly restart?: string
  readonly read_only?: boolean
  readonly stop_grace_period?: string
}

interface ComposeFile {
  readonly name: string
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes?: Readonly<Record<string, unknown>>
}

const text = readFileSync(join(PROJECT_ROOT, 'docker-compose.yml'), 'utf8')

/** docker-compose.yml, with its fragments in their places. */
export const compose = parse(text, { merge: true }) as ComposeFile

/** @throws Error when there is none of this name. */
export function serviceOf(name: string): ComposeService {
  const service = compose.services[name]
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}.`)
  return service
}

/** The variables of a service as they are while nothing is set in the shell that starts it. */
export function environmentOf(name: string): Readonly<Record<string, string>> {
  const given = Object.entries(serviceOf(name).environment ?? {})
  return Object.fromEntries(given.map(([variable, value]) => [variable, unlessSet(value)]))
}

/** Ports as they are published, by those of the container. */
export function portsOf(name: string): ReadonlyMap<number, number> {
  const published = (serviceOf(name).ports ?? []).map((port) =>
    unlessSet(port).split(':').slice(-2).map(Number),
  )
  return new Map(published.map(([outside = 0, inside = 0]) => [inside, outside]))
}

/** `${NAME:-value}` */
function unlessSet(value: string): string {
  return value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
}
