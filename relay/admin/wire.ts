import type { TSchema } from 'typebox'

/** Their members are named by applications, and stay as they are. */
const FOREIGN = new Set(['headers', 'details'])

/** A value of the core as it travels: names in snake_case, times as text. */
export function toWire(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(toWire)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      snakeCase(name),
      FOREIGN.has(name) ? (member as unknown) : toWire(member),
    ]),
  )
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, TSchema & { readonly format?: string }>>
}

/** A checked value as the core takes it: what {@link toWire} does, taken back along the schema. */
export function fromWire(schema: TSchema & { readonly format?: string }, value: unknown): unknown {
  if (schema.format === 'date-time' && typeof value === 'string') return new Date(value)
  const { properties } = schema as ObjectSchema
  if (properties === undefined || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const own = properties[name]
      return own === undefined ? [name, member as unknown] : [camelCase(name), fromWire(own, member)]
    }),
  )
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}
