import type { ConnectionOptions } from 'node:tls'
import {
  checkNames,
  checkShape,
  SHAPES,
  silentLogger,
  systemClock,
  type Clock,
  type Logger,
} from '../../src/ports.ts'
import { refuse, urlFault, whole } from './check.ts'
import { resolveTls, tlsFault } from './tls.ts'

/** The address of the broker, or what is asked for it at each connect, so that credentials may change. */
export type UrlSource = string | (() => string | Promise<string>)

/** Options of {@link rabbitmq}. */
export interface RabbitmqOptions {
  /**
   * `amqp://user:password@host:port/vhost`, or `amqps:` for TLS. The parameters `cacertfile`, `certfile`, `keyfile` and
   * `server_name_indication` are read as by other clients of RabbitMQ; the files are read for each connection.
   */
  readonly url: UrlSource
  /** What operators see in the broker's list of connections. @defaultValue `waybill` */
  readonly connectionName?: string
  /**
   * For `amqps:`, and refused without it: whom to trust (`ca`, `servername`) and who one is (`cert`, `key`,
   * `passphrase`, `pfx`). The name of the broker is always checked.
   */
  readonly tls?: ConnectionOptions
  /**
   * How often each side gives a sign of life; a dead peer is noticed after two to three times that. Whole seconds.
   * @defaultValue `5000`
   */
  readonly heartbeatMs?: number
  /** How long opening a connection may take. @defaultValue `10_000` */
  readonly connectTimeoutMs?: number
  /** How long the broker may take to answer a request such as declaring a queue. @defaultValue `10_000` */
  readonly requestTimeoutMs?: number
  /**
   * How long an exchange may have messages in flight without any confirm before it counts as stuck. A single message
   * may take six times as long while others are confirmed. @defaultValue `5000`
   */
  readonly confirmTimeoutMs?: number
  /** How long the broker may keep the publisher blocked before the connection is given up. @defaultValue `600_000` */
  readonly blockedMaxMs?: number
  /** How long closing waits for confirms, and again for the broker's goodbye. @defaultValue `10_000` */
  readonly closeTimeoutMs?: number
  /**
   * `declare` makes exchanges and queues that are missing; `verify` only looks whether they are there.
   * @defaultValue `'declare'`
   */
  readonly topology?: 'declare' | 'verify'
  /** Deliveries of a message without an answer before the broker dead-letters it. @defaultValue `20` */
  readonly deliveryLimit?: number
  /** CloudEvents headers on every message, on none, or on all but those of some exchanges. @defaultValue `true` */
  readonly cloudEvents?: boolean | { readonly exceptExchanges: readonly string[] }
  /** Bodies above this are rejected without being sent. @defaultValue 16 MiB, the broker's own limit since 4.0 */
  readonly maxMessageBytes?: number
  /** The waits between attempts to connect, full jitter. @defaultValue 200 ms to 30 s */
  readonly reconnect?: { readonly baseMs?: number; readonly maxMs?: number }
  readonly clock?: Clock
  readonly logger?: Logger
}

/** All of {@link RabbitmqOptions}, checked and complete. */
export interface ResolvedOptions {
  readonly url: () => string | Promise<string>
  readonly connectionName: string
  readonly tls: ConnectionOptions | null
  readonly heartbeatMs: number
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly confirmTimeoutMs: number
  readonly blockedMaxMs: number
  readonly closeTimeoutMs: number
  readonly topology: 'declare' | 'verify'
  readonly deliveryLimit: number
  /** Whether messages of that exchange carry CloudEvents headers. */
  readonly cloudEvents: (exchange: string) => boolean
  readonly maxMessageBytes: number
  readonly reconnect: { readonly baseMs: number; readonly maxMs: number }
  readonly clock: Clock
  readonly logger: Logger
}

/** RabbitMQ's own since 4.0. */
export const DEFAULT_DELIVERY_LIMIT = 20

const SECOND = 1000
const DAY = 86_400 * SECOND
const MIB = 1024 * 1024
/** RabbitMQ's own ceiling for `max_message_size`, which no configuration can exceed (512 MiB until 3.13). */
const HIGHEST_MESSAGE_BYTES = 512 * MIB
/** AMQP's heartbeat is a 16 bit number of seconds; beyond ten minutes it no longer tells anything. */
const HIGHEST_HEARTBEAT_MS = 600 * SECOND

const KNOWN: readonly (keyof RabbitmqOptions)[] = [
  'url',
  'connectionName',
  'tls',
  'heartbeatMs',
  'connectTimeoutMs',
  'requestTimeoutMs',
  'confirmTimeoutMs',
  'blockedMaxMs',
  'closeTimeoutMs',
  'topology',
  'deliveryLimit',
  'cloudEvents',
  'maxMessageBytes',
  'reconnect',
  'clock',
  'logger',
]

/**
 * Checks the options and fills in the defaults.
 * @throws WaybillError WAYBILL_OPTION_INVALID
 */
export function resolveOptions(given: RabbitmqOptions): ResolvedOptions {
  checkNames(given, 'The argument of rabbitmq', KNOWN)
  if (given.clock !== undefined) checkShape(given.clock, 'Option clock of rabbitmq', SHAPES.clock)
  if (given.logger !== undefined) checkShape(given.logger, 'Option logger of rabbitmq', SHAPES.logger)
  const tls = resolveTls(given.tls)
  const duration = (name: DurationName, fallback: number): number =>
    whole(name, given[name] ?? fallback, { from: 1, to: DAY })
  return {
    url: resolveUrl(given.url, tls),
    connectionName: resolveName(given.connectionName ?? 'waybill'),
    tls,
    heartbeatMs: resolveHeartbeat(given.heartbeatMs ?? 5 * SECOND),
    connectTimeoutMs: duration('connectTimeoutMs', 10 * SECOND),
    requestTimeoutMs: duration('requestTimeoutMs', 10 * SECOND),
    confirmTimeoutMs: duration('confirmTimeoutMs', 5 * SECOND),
    blockedMaxMs: duration('blockedMaxMs', 600 * SECOND),
    closeTimeoutMs: duration('closeTimeoutMs', 10 * SECOND),
    topology: resolveTopology(given.topology ?? 'declare'),
    deliveryLimit: whole('deliveryLimit', given.deliveryLimit ?? DEFAULT_DELIVERY_LIMIT, {
      from: 1,
      to: 1_000_000,
    }),
    cloudEvents: resolveCloudEvents(given.cloudEvents ?? true),
    maxMessageBytes: whole('maxMessageBytes', given.maxMessageBytes ?? 16 * MIB, {
      from: 1,
      to: HIGHEST_MESSAGE_BYTES,
    }),
    reconnect: resolveReconnect(given.reconnect ?? {}),
    clock: given.clock ?? systemClock,
    logger: given.logger ?? silentLogger,
  }
}

type DurationName =
  'connectTimeoutMs' | 'requestTimeoutMs' | 'confirmTimeoutMs' | 'blockedMaxMs' | 'closeTimeoutMs'

function resolveUrl(url: unknown, tls: ConnectionOptions | null): ResolvedOptions['url'] {
  if (typeof url === 'function') return url as () => string | Promise<string>
  const fault = urlFault(url)
  if (fault !== null) refuse('url', fault, 'Wanted is amqp://… or amqps://…, or a function that returns it.')
  const given = url as string
  const open = tlsFault(given, tls)
  if (open !== null) refuse('url', open, 'Wanted is amqps://…, verified, or nothing of TLS.')
  return () => given
}

function resolveName(name: unknown): string {
  if (typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= 255) return name
  return refuse('connectionName', `is ${String(name)}`, 'Wanted is a text of 1 to 255 bytes.')
}

function resolveHeartbeat(ms: number): number {
  whole('heartbeatMs', ms, { from: SECOND, to: HIGHEST_HEARTBEAT_MS })
  if (ms % SECOND === 0) return ms
  return refuse('heartbeatMs', `is ${String(ms)}`, 'AMQP counts heartbeats in whole seconds.')
}

function resolveTopology(mode: unknown): 'declare' | 'verify' {
  if (mode === 'declare' || mode === 'verify') return mode
  return refuse('topology', `is ${String(mode)}`, 'Wanted is "declare" or "verify".')
}

function resolveCloudEvents(setting: unknown): ResolvedOptions['cloudEvents'] {
  if (typeof setting === 'boolean') return () => setting
  if (typeof setting === 'object' && setting !== null && 'exceptExchanges' in setting) {
    checkNames(setting, 'Option cloudEvents of rabbitmq', ['exceptExchanges'])
    const { exceptExchanges } = setting
    if (Array.isArray(exceptExchanges) && exceptExchanges.every((name) => typeof name === 'string')) {
      const without = new Set<string>(exceptExchanges)
      return (exchange) => !without.has(exchange)
    }
  }
  return refuse(
    'cloudEvents',
    'cannot be used',
    'Wanted is true, false or { exceptExchanges: [names of exchanges] }.',
  )
}

function resolveReconnect(given: { readonly baseMs?: number; readonly maxMs?: number }): {
  baseMs: number
  maxMs: number
} {
  checkNames(given, 'Option reconnect of rabbitmq', ['baseMs', 'maxMs'])
  const baseMs = whole('reconnect.baseMs', given.baseMs ?? 200, { from: 1, to: DAY })
  const maxMs = whole('reconnect.maxMs', given.maxMs ?? Math.max(30 * SECOND, baseMs), {
    from: baseMs,
    to: DAY,
  })
  return { baseMs, maxMs }
}
