import { WaybillError } from '../../src/index.ts'
import { DEFAULT_SCHEMA, identifier } from './identifier.ts'

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
}

/**
 * The statements that give each role what it needs and nothing more, for the owner of the schema to run after
 * `migrate`. Nobody but the owner needs the right to change the schema.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function grants(options: GrantOptions): string[] {
  const schema = identifier(options.schema ?? DEFAULT_SCHEMA)
  return [
    ...(options.writer === undefined ? [] : writerGrants(schema, roleName(options.writer))),
    ...(options.relay === undefined ? [] : relayGrants(schema, roleName(options.relay))),
    ...(options.consumer === undefined ? [] : consumerGrants(schema, roleName(options.consumer))),
  ]
}

function writerGrants(schema: string, role: string): string[] {
  return [
    `grant usage on schema ${schema} to ${role}`,
    `grant insert on ${schema}.outbox to ${role}`,
    `grant usage on sequence ${schema}.outbox_id_seq to ${role}`,
  ]
}

function relayGrants(schema: string, role: string): string[] {
  const leaves = [0, 1, 2, 3].map((leaf) => `${schema}.outbox_${String(leaf)}`).join(', ')
  return [
    `grant usage on schema ${schema} to ${role}`,
    `grant select on ${schema}.meta to ${role}`,
    `grant select, delete on ${schema}.outbox to ${role}`,
    `grant select, truncate on ${leaves} to ${role}`,
    `grant select, usage on sequence ${schema}.outbox_id_seq to ${role}`,
    `grant select, insert, update, delete on ${schema}.parked, ${schema}.relay to ${role}`,
    `grant select, update on ${schema}.lane to ${role}`,
  ]
}

function consumerGrants(schema: string, role: string): string[] {
  return [...writerGrants(schema, role), `grant select, insert, update, delete on ${schema}.inbox to ${role}`]
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
