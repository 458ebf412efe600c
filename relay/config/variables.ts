import type { LogFormat, LogLevel } from '../logging/logger.ts'
import {
  listenAddress,
  oneOf,
  schemaName,
  serverUrl,
  shortText,
  whole,
  wholeSeconds,
  type ListenAddress,
  type Parser,
} from './parse.ts'

/** The value of each variable once read. Null: not set, and there is no default. */
export interface VariableValues {
  readonly WAYBILL_DATABASE_URL: string | null
  readonly WAYBILL_AMQP_URL: string | null
  readonly WAYBILL_SCHEMA: string
  readonly WAYBILL_DATABASE_POOL_SIZE: number
  readonly WAYBILL_DATABASE_CONNECT_TIMEOUT_MS: number
  readonly WAYBILL_DATABASE_QUERY_TIMEOUT_MS: number
  readonly WAYBILL_AMQP_HEARTBEAT_MS: number
  readonly WAYBILL_AMQP_CONFIRM_TIMEOUT_MS: number
  readonly WAYBILL_AMQP_CONNECT_TIMEOUT_MS: number
  readonly WAYBILL_AMQP_RECONNECT_MAX_MS: number
  readonly WAYBILL_AMQP_BLOCKED_MAX_MS: number
  readonly WAYBILL_AMQP_MAX_MESSAGE_BYTES: number
  readonly WAYBILL_LEASE_MS: number
  readonly WAYBILL_RENEW_MS: number
  readonly WAYBILL_GRACE_MS: number
  readonly WAYBILL_MARGIN_MS: number
  readonly WAYBILL_BATCH_SIZE: number
  readonly WAYBILL_WINDOW: number
  readonly WAYBILL_WINDOW_BYTES: number
  readonly WAYBILL_ON_DEAD: 'block-key' | 'skip'
  readonly WAYBILL_TOPOLOGY: 'declare' | 'verify'
  readonly WAYBILL_CLOUD_EVENTS: 'on' | 'off'
  readonly WAYBILL_HEALTH_LISTEN: ListenAddress
  readonly WAYBILL_LOG_LEVEL: LogLevel
  readonly WAYBILL_LOG_FORMAT: LogFormat
  readonly WAYBILL_SHUTDOWN_TIMEOUT_MS: number
  readonly WAYBILL_HOST: string | null
}

/** What cannot run without a variable: all that touches the database, or the relay alone. */
export type NeededBy = 'database' | 'relay' | 'nothing'

/** One environment variable: all that parsing, `waybill relay --help` and docs/configuration.md know about it. */
export interface Variable<Value> {
  /** A sentence for people who run the relay. */
  readonly meaning: string
  readonly parser: Parser<Exclude<Value, null>>
  readonly fallback: Value
  readonly neededBy: NeededBy
  /** Never shown as it is, and may come from the file that `<NAME>_FILE` names. */
  readonly secret: boolean
}

export type VariableName = keyof VariableValues

const optional = { neededBy: 'nothing', secret: false } as const

const DAY_MS = 86_400_000

/** Every environment variable that Waybill reads. */
export const VARIABLES: { readonly [Name in VariableName]: Variable<VariableValues[Name]> } = {
  WAYBILL_DATABASE_URL: {
    meaning: 'The PostgreSQL database whose outbox is relayed.',
    parser: serverUrl('postgres://user:password@host:5432/database', 'postgres', 'postgresql'),
    fallback: null,
    neededBy: 'database',
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
    meaning: 'The schema that holds the tables of Waybill.',
    parser: schemaName(),
    fallback: 'waybill',
  },
  WAYBILL_DATABASE_POOL_SIZE: {
    ...optional,
    meaning: 'The most connections to the database that one relay opens.',
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
      'How long a statement of the relay may take before its connection is given up. Migrations have no limit.',
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
    meaning: 'How long the broker may take to confirm a message before its exchange is passed over.',
    parser: whole('milliseconds', 100, 600_000),
    fallback: 5000,
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
    meaning: 'The largest body that is sent. Larger ones count as messages that can never be published.',
    parser: whole('bytes', 1024, 536_870_912),
    fallback: 16_777_216,
  },
  WAYBILL_LEASE_MS: {
    ...optional,
    meaning:
      'How long the lanes of a relay stay its own without renewal; a crashed relay delays its messages by this and the grace.',
    parser: whole('milliseconds', 1000, 3_600_000),
    fallback: 15_000,
  },
  WAYBILL_RENEW_MS: {
    ...optional,
    meaning: 'How often the lease is renewed.',
    parser: whole('milliseconds', 100, 3_600_000),
    fallback: 4000,
  },
  WAYBILL_GRACE_MS: {
    ...optional,
    meaning: 'How long after the end of a lease another relay waits before it takes the lanes over.',
    parser: whole('milliseconds', 0, 3_600_000),
    fallback: 10_000,
  },
  WAYBILL_MARGIN_MS: {
    ...optional,
    meaning: 'How long before the end of its lease a relay stops publishing.',
    parser: whole('milliseconds', 0, 3_600_000),
    fallback: 2000,
  },
  WAYBILL_BATCH_SIZE: {
    ...optional,
    meaning: 'The most messages that one fetch brings.',
    parser: whole('messages', 1, 10_000),
    fallback: 1000,
  },
  WAYBILL_WINDOW: {
    ...optional,
    meaning: 'The most messages that wait for a confirm at a time.',
    parser: whole('messages', 1, 100_000),
    fallback: 2000,
  },
  WAYBILL_WINDOW_BYTES: {
    ...optional,
    meaning: 'The most bytes of payload that wait for a confirm at a time.',
    parser: whole('bytes', 65_536, 1_073_741_824),
    fallback: 67_108_864,
  },
  WAYBILL_ON_DEAD: {
    ...optional,
    meaning:
      'What becomes of the messages behind one that can never be published: those of its key wait for a person, or go on.',
    parser: oneOf('block-key', 'skip'),
    fallback: 'block-key',
  },
  WAYBILL_TOPOLOGY: {
    ...optional,
    meaning: 'Whether exchanges are declared at the broker or must be there.',
    parser: oneOf('declare', 'verify'),
    fallback: 'declare',
  },
  WAYBILL_CLOUD_EVENTS: {
    ...optional,
    meaning: 'Whether messages carry CloudEvents headers.',
    parser: oneOf('on', 'off'),
    fallback: 'on',
  },
  WAYBILL_HEALTH_LISTEN: {
    ...optional,
    meaning: 'Where /livez and /readyz are served. Port 0 takes any free one. The image sets 0.0.0.0:9464.',
    parser: listenAddress(),
    fallback: { host: '127.0.0.1', port: 9464 },
  },
  WAYBILL_LOG_LEVEL: {
    ...optional,
    meaning: 'The least important entries that are logged.',
    parser: oneOf('debug', 'info', 'warn', 'error', 'silent'),
    fallback: 'info',
  },
  WAYBILL_LOG_FORMAT: {
    ...optional,
    meaning: 'Whether log lines are for machines or for people.',
    parser: oneOf('json', 'text'),
    fallback: 'json',
  },
  WAYBILL_SHUTDOWN_TIMEOUT_MS: {
    ...optional,
    meaning: 'How long a stopping relay may take to finish what is in flight.',
    parser: whole('milliseconds', 100, 3_600_000),
    fallback: 25_000,
  },
  WAYBILL_HOST: {
    ...optional,
    meaning: 'The name by which `waybill status` shows this relay. Left out: the host name of the machine.',
    parser: shortText(255),
    fallback: null,
  },
}
