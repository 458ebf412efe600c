import { databaseUrls, oneOf, schemaName, serverUrl, whole, wholeSeconds } from './parse.ts'
import { optional, type VariablesOf } from './variable.ts'

export interface ConnectionValues {
  readonly WAYBILL_DATABASE_URL: string | null
  readonly WAYBILL_CONSUMER_DATABASE_URL: string | null
  readonly WAYBILL_AMQP_URL: string | null
  readonly WAYBILL_SCHEMA: string
  readonly WAYBILL_DATABASE_POOL_SIZE: number
  readonly WAYBILL_DATABASE_CONNECT_TIMEOUT_MS: number
  readonly WAYBILL_DATABASE_QUERY_TIMEOUT_MS: number
  readonly WAYBILL_AMQP_HEARTBEAT_MS: number
  readonly WAYBILL_AMQP_CONFIRM_TIMEOUT_MS: number | null
  readonly WAYBILL_AMQP_CONNECT_TIMEOUT_MS: number
  readonly WAYBILL_AMQP_RECONNECT_MAX_MS: number
  readonly WAYBILL_AMQP_BLOCKED_MAX_MS: number
  readonly WAYBILL_AMQP_MAX_MESSAGE_BYTES: number
  readonly WAYBILL_TOPOLOGY: 'declare' | 'verify'
  readonly WAYBILL_CLOUD_EVENTS: 'on' | 'off'
  readonly WAYBILL_MANAGEMENT_URL: string | null
}

const DAY_MS = 86_400_000

/** How the database and the broker are reached and used. */
export const CONNECTION_VARIABLES: VariablesOf<ConnectionValues> = {
  WAYBILL_DATABASE_URL: {
    meaning:
      'The PostgreSQL database whose outbox is relayed. One process can relay several; see "Several databases".',
    parser: databaseUrls('postgres://user:password@host:5432/database', 'postgres', 'postgresql'),
    fallback: null,
    neededBy: 'database',
    secret: true,
  },
  WAYBILL_CONSUMER_DATABASE_URL: {
    ...optional,
    meaning:
      'The databases in which consumers remember what they have handled, for `waybill audit`. Left out: WAYBILL_DATABASE_URL.',
    parser: databaseUrls('postgres://user:password@host:5432/database', 'postgres', 'postgresql'),
    fallback: null,
    secret: true,
  },
  WAYBILL_AMQP_URL: {
    meaning: 'The RabbitMQ broker and virtual host to publish to.',
    parser: serverUrl('amqp://user:password@host:5672/vhost', 'amqp', 'amqps'),
    fallback: null,
    neededBy: 'relay',
    secret: true,
  },
  WAYBILL_SCHEMA: {
    ...optional,
    meaning: 'The schema that holds the tables of Waybill, where the URL does not name one.',
    parser: schemaName(),
    fallback: 'waybill',
  },
  WAYBILL_DATABASE_POOL_SIZE: {
    ...optional,
    meaning: 'The most connections that one relay opens to each of its outboxes.',
    parser: whole('connections', 3, 100),
    fallback: 5,
  },
  WAYBILL_DATABASE_CONNECT_TIMEOUT_MS: {
    ...optional,
    meaning: 'How long opening a connection to the database, or waiting for a free one, may take.',
    parser: whole('milliseconds', 100, 600_000),
    fallback: 5000,
  },
  WAYBILL_DATABASE_QUERY_TIMEOUT_MS: {
    ...optional,
    meaning:
      'How long a statement may take before its connection is given up. `waybill migrate` and `waybill consumers rename` have no such limit.',
    parser: whole('milliseconds', 100, 600_000),
    fallback: 15_000,
  },
  WAYBILL_AMQP_HEARTBEAT_MS: {
    ...optional,
    meaning: 'The heartbeat agreed with the broker; a dead connection is noticed after two to three of them.',
    parser: wholeSeconds(1000, 600_000),
    fallback: 5000,
  },
  WAYBILL_AMQP_CONFIRM_TIMEOUT_MS: {
    ...optional,
    meaning:
      'How long an exchange may have messages in flight without any confirm before it counts as stuck. Left out: a third of WAYBILL_LEASE_MS, 5000 at most.',
    parser: whole('milliseconds', 100, 600_000),
    fallback: null,
  },
  WAYBILL_AMQP_CONNECT_TIMEOUT_MS: {
    ...optional,
    meaning: 'How long opening a connection to the broker may take.',
    parser: whole('milliseconds', 100, 600_000),
    fallback: 10_000,
  },
  WAYBILL_AMQP_RECONNECT_MAX_MS: {
    ...optional,
    meaning: 'The longest wait between two attempts to connect to the broker.',
    parser: whole('milliseconds', 200, 3_600_000),
    fallback: 30_000,
  },
  WAYBILL_AMQP_BLOCKED_MAX_MS: {
    ...optional,
    meaning: 'How long the broker may keep the relay blocked before the connection is given up.',
    parser: whole('milliseconds', 1000, DAY_MS),
    fallback: 600_000,
  },
  WAYBILL_AMQP_MAX_MESSAGE_BYTES: {
    ...optional,
    meaning: 'The largest body that is sent. A larger one counts as a message that can never be published.',
    parser: whole('bytes', 1024, 536_870_912),
    fallback: 16_777_216,
  },
  WAYBILL_TOPOLOGY: {
    ...optional,
    meaning: 'Whether exchanges are declared at the broker, or only looked for.',
    parser: oneOf('declare', 'verify'),
    fallback: 'declare',
  },
  WAYBILL_CLOUD_EVENTS: {
    ...optional,
    meaning: 'Whether messages carry CloudEvents headers.',
    parser: oneOf('on', 'off'),
    fallback: 'on',
  },
  WAYBILL_MANAGEMENT_URL: {
    ...optional,
    meaning:
      'The management API of the broker, for `waybill doctor`: it tells what AMQP does not. A user with the tag `monitoring` is enough.',
    parser: serverUrl('http://user:password@host:15672', 'http', 'https'),
    fallback: null,
    secret: true,
  },
}
