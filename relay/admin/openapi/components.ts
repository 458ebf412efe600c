import type { TSchema } from 'typebox'
import { nameOf } from '../schemas/describe.ts'

type Json = Readonly<Record<string, unknown>>

/** A schema as the document writes it where it is used: by its name when it has one. */
export function written(schema: TSchema): unknown {
  const name = nameOf(schema)
  return name === undefined ? inner(schema) : { $ref: `#/components/schemas/${name}` }
}

/** All schemas with a name that these are made of, by their names. */
export function componentsOf(schemas: readonly TSchema[]): Json {
  const found = new Map<string, unknown>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const name = nameOf(value)
    if (name !== undefined && found.has(name)) return
    if (name !== undefined) found.set(name, inner(value))
    Object.values(value).forEach(visit)
  }
  schemas.forEach(visit)
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function inner(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((member) => written(member as TSchema))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, written(member as TSchema)]))
}
