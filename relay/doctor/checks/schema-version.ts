import { error, ok, unchecked, type Check } from '../check.ts'
import type { SetupFacts } from '../facts.ts'

export const schemaVersion: Check<SetupFacts> = {
  code: 'SCHEMA_VERSION',
  wanted: 'A schema that this release can work with.',
  remedy: 'Run `waybill migrate` of the right release.',
  worst: 'error',
  look: ({ schema }) => {
    if (schema.kind === 'answer') return ok(`It has version ${schema.value}.`)
    return schema.kind === 'failed' ? error(schema.reason) : unchecked(schema.reason)
  },
}
