import type { TSchema } from 'typebox'
import type { Route } from '../route.ts'
import { written } from './components.ts'

type Json = Readonly<Record<string, unknown>>

/** The parameters of a route: of its path, its query and the headers that it looks at. */
export function parametersOf({ method, params, query, ifMatch }: Route): Json[] {
  const headers: Json[] = []
  if (method === 'POST') headers.push(IDEMPOTENCY_KEY)
  if (ifMatch !== undefined) headers.push({ ...IF_MATCH, required: ifMatch === 'needed' })
  return [...membersOf(params, 'path'), ...membersOf(query, 'query'), ...headers]
}

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: true,
  description:
    'New for each change. The same one again within 24 hours changes nothing again and is answered alike.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
}

const IF_MATCH = {
  name: 'If-Match',
  in: 'header',
  description: 'The ETag of what you have seen, or `*`. When it has changed since, nothing is done.',
  schema: { type: 'string' },
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, TSchema & { readonly description?: string }>>
  readonly required?: readonly string[]
}

function membersOf(schema: TSchema | undefined, place: 'path' | 'query'): Json[] {
  if (schema === undefined) return []
  const { properties, required = [] } = schema as unknown as ObjectSchema
  return Object.entries(properties).map(([name, member]) => {
    const { description, ...rest } = written(member) as Json
    return { name, in: place, required: required.includes(name), description, schema: rest }
  })
}
