import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { invalidRequest, type PartFault } from './problems/problem.ts'
import { fromWire } from './wire.ts'

type Part = PartFault['in']

const validators = new WeakMap<TSchema, Validator>()

function validatorOf(schema: TSchema): Validator {
  const known = validators.get(schema)
  if (known !== undefined) return known
  const made = Compile(schema)
  validators.set(schema, made)
  return made
}

/**
 * A part of a request as the core takes it.
 * @throws Problem invalid_request that names each fault, never the value: it could be a secret in the wrong place.
 */
export function checkPart(schema: TSchema | undefined, part: Part, given: unknown): unknown {
  if (schema === undefined) return undefined
  const value = part === 'query' ? withNumbers(schema, given) : (given ?? {})
  const validator = validatorOf(schema)
  if (!validator.Check(value)) {
    const faults = validator.Errors(value).map(({ instancePath, message }) => ({
      in: part,
      pointer: instancePath,
      detail: `This ${message}.`,
    }))
    throw invalidRequest(faults.slice(0, MOST_FAULTS))
  }
  return fromWire(schema, value)
}

const MOST_FAULTS = 20

/** All of a query is text: what has to be a whole number and looks like one becomes one. */
function withNumbers(schema: TSchema, given: unknown): unknown {
  const { properties = {} } = schema as { properties?: Readonly<Record<string, { type?: string }>> }
  return Object.fromEntries(
    Object.entries(given as Readonly<Record<string, unknown>>).map(([name, value]) => {
      const isNumber = Object.hasOwn(properties, name) && properties[name]?.type === 'integer'
      return isNumber && typeof value === 'string' && /^\d{1,15}$/.test(value)
        ? [name, Number(value)]
        : [name, value]
    }),
  )
}
