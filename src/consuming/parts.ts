import type { Database } from '../database/database.ts'
import type { Clock } from '../lifecycle/clock.ts'
import type { Catalogue } from '../message/catalogue.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { Transport } from '../transport/transport.ts'
import type { AnyHandler } from './handler.ts'
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
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly logger: Logger
}
