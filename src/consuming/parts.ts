import type { Database } from '../database/database.ts'
import type { Clock } from '../lifecycle/clock.ts'
import type { Catalogue } from '../message/catalogue.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { Transport } from '../transport/transport.ts'
import type { BreakerRules } from './breaker.ts'
import type { AnyHandler } from './handler.ts'
import type { RetryPolicy } from '../retry/retry-options.ts'
import type { FailureSettings } from './failures/failure-options.ts'
import type { FailureInstance } from './failures/failure-store.ts'
import type { ConsumerLimits, UnknownTypes } from './options.ts'

/** How the instances of a consumer in mode `key` share its work. */
export interface KeyModeOptions {
  readonly partitions: number
  readonly leaseMs: number
}

/** A consumer's options, checked and with their defaults. */
export interface ConsumingParts<Tx> {
  readonly consumer: string
  readonly queue: string
  readonly messages: Catalogue
  readonly database: Database<Tx>
  readonly transport: Transport
  readonly outbox: Outbox<Catalogue, Tx>
  readonly handlers: ReadonlyMap<string, AnyHandler<Tx>>
  readonly onUnknownType: UnknownTypes
  /** Null in mode `unordered`. */
  readonly keyed: KeyModeOptions | null
  readonly limits: ConsumerLimits
  readonly retry: RetryPolicy
  readonly failures: FailureSettings
  /** Null when it is switched off. */
  readonly breaker: BreakerRules | null
  /** This life of this consumer. */
  readonly instance: FailureInstance
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly logger: Logger
}
