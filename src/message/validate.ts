import { WaybillError } from '../errors.ts'
import type { TypeDefinition } from './definition.ts'
import { describeIssues, type SchemaResult } from './standard-schema.ts'
import { quote } from './text.ts'

/**
 * The payload as the schema gives it; at once when the schema answers at once. Without a schema, as it is.
 *
 * @throws WaybillError WAYBILL_PAYLOAD_INVALID; its `cause` is the schema's list of issues. What the schema itself throws
 * passes through.
 */
export function validatePayload(definition: TypeDefinition, payload: unknown): unknown {
  if (definition.schema === null) return payload
  const result: SchemaResult<unknown> | PromiseLike<SchemaResult<unknown>> =
    definition.schema['~standard'].validate(payload)
  if (!isThenable(result)) return valueOf(definition, result)
  return Promise.resolve(result).then((settled) => valueOf(definition, settled))
}

/** Promises of other realms, such as those that test runners make, are no instances of our Promise. */
function isThenable(value: unknown): value is PromiseLike<SchemaResult<unknown>> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function'
}

function valueOf(definition: TypeDefinition, result: SchemaResult<unknown>): unknown {
  if (result.issues === undefined) return result.value
  throw new WaybillError('WAYBILL_PAYLOAD_INVALID', {
    problem: `The payload does not satisfy the schema of message type ${quote(definition.type)}: ${describeIssues(result.issues)}.`,
    cause: result.issues,
  })
}
