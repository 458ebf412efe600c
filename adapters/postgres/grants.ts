import { WaybillError } from '../../src/index.ts'
import { DEFAULT_SCHEMA, identifier } from './identifier.ts'
import { RIGHTS, type Right, type Role } from './rights.ts'

/** The roles to give rights to; roles that are left out get none. */
export interface GrantOptions {
  /** @defaultValue `waybill` */
  readonly schema?: string
  /** Writes messages: services with an outbox. */
  readonly writer?: string
  /** Publishes them: the relay. */
  readonly relay?: string
  /** Handles messages and writes follow-ups: services with consumers. Includes the rights of a writer. */
  readonly consumer?: string
  /** Repairs what got stuck: the admin API, and who uses the command line for it. */
  readonly operator?: string
}

/**
 * The statements that give each role what it needs and nothing more, for the owner of the schema to run after
 * `migrate`. Nobody but the owner needs the right to change the schema. PostgreSQL lets everybody run new functions:
 * the first statement takes that back.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function grants(options: GrantOptions): string[] {
  const schema = identifier(options.schema ?? DEFAULT_SCHEMA)
  const given = (['writer', 'relay', 'consumer', 'operator'] as const).flatMap((role) => {
    const name = options[role]
    return name === undefined ? [] : grantsOf(role, { schema, to: roleName(name) })
  })
  return given.length === 0
    ? []
    : [`revoke execute on all routines in schema ${schema} from public`, ...given]
}

interface Grantee {
  readonly schema: string
  readonly to: string
}

function grantsOf(role: Role, { schema, to }: Grantee): string[] {
  return [
    `grant usage on schema ${schema} to ${to}`,
    ...RIGHTS[role].map((right) => `grant ${privileges(right)} on ${things(right, schema)} to ${to}`),
  ]
}

function privileges({ privileges: list }: Right): string {
  return list.join(', ')
}

/** A routine without its parameters is found by its name, of which there is one. */
function things({ on, names }: Right, schema: string): string {
  const list = names.map((name) => `${schema}.${name}`).join(', ')
  return on === 'table' ? list : `${on} ${list}`
}

const MAX_BYTES = 63

function roleName(name: string): string {
  if (name !== '' && Buffer.byteLength(name) <= MAX_BYTES && !name.includes('\0')) {
    return `"${name.replaceAll('"', '""')}"`
  }
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem: `${JSON.stringify(name)} cannot be the name of a role.`,
    wanted: `A name of 1 to ${String(MAX_BYTES)} bytes was expected.`,
  })
}
