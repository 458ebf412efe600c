import { WaybillError } from '../src/index.ts'
import { checkNames, checkShape, SHAPES, type Shape } from '../src/ports.ts'

const KNOWN = ['database', 'transport', 'clock', 'telemetry', 'logger', 'host']

const DATABASE = 'Wanted is a Database, such as pgDatabase(pool) or knexDatabase(knex) gives.'

const NEEDED: readonly (readonly [path: string, shape: Shape])[] = [
  ['database', { methods: ['classify'], wanted: DATABASE }],
  ['database.relay', { methods: ['meta', 'register', 'fetch', 'settle'], wanted: DATABASE }],
  ['database.committed', { methods: ['listen'], wanted: DATABASE }],
  [
    'transport',
    { methods: ['openPublisher'], wanted: 'Wanted is a Transport, such as rabbitmq({ url }) gives.' },
  ],
]

/**
 * Checks what a relay is made of, as far as types can be got around.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function checkParts(given: unknown): void {
  checkNames(given, 'The first argument of createRelay', KNOWN)
  const parts = given as Readonly<Record<string, unknown>>
  for (const [path, shape] of NEEDED) checkShape(at(parts, path), `Part ${path} of createRelay`, shape)
  for (const [name, shape] of Object.entries(SHAPES)) {
    if (parts[name] !== undefined) checkShape(parts[name], `Part ${name} of createRelay`, shape)
  }
  const { host } = parts
  if (host === undefined || typeof host === 'string') return
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `Part host of createRelay is a ${typeof host}.`,
    wanted: 'Wanted is a text.',
  })
}

/** What lies under a path such as `database.relay`; what is before its end has been checked. */
function at(parts: Readonly<Record<string, unknown>>, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (value as Readonly<Record<string, unknown>>)[name], parts)
}
