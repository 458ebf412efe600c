import type { ConservationStore, KnownConsumer, NotedMessage } from './conservation-store.ts'

/** Of a database, what an audit needs. */
export interface AuditedDatabase {
  /** Left out by databases that keep no history, such as one in memory. */
  readonly conservation?: ConservationStore | undefined
}

export interface ConservationOptions {
  /** Where the messages were written. */
  readonly producer: AuditedDatabase
  /** Where they are handled; may be the same. */
  readonly consumers: readonly AuditedDatabase[]
  /** Names of consumers. @defaultValue all that have said what they take */
  readonly only?: readonly string[] | undefined
  /** For consumers that have not said what they take, such as those of `createInbox`: with `only`. */
  readonly types?: readonly string[] | undefined
  /** By the time in the message ids, in whole minutes. @defaultValue as far back as it is known */
  readonly from?: Date | undefined
  /** @defaultValue as late as messages have settled */
  readonly to?: Date | undefined
  /** How old a message is before it is expected to have arrived; 0: whatever was written has. @defaultValue `60_000` */
  readonly settleMs?: number | undefined
  /**
   * Whether all writers have noted all messages of the range. Else those that consumers remember are only looked for in the
   * history of a source from the minute after its first message on. @defaultValue `false`
   */
  readonly isWhole?: boolean | undefined
  /** How many messages of each kind are named for a consumer; the others are counted. @defaultValue `1_000` */
  readonly most?: number | undefined
  /** Is given each message that is missing, also those that are not named. */
  readonly onMissing?: ((consumer: string, missing: readonly NotedMessage[]) => void) | undefined
}

/** The audit of one consumer. */
export interface ConsumerAudit extends Omit<ConservationOptions, 'producer' | 'consumers'> {
  readonly producer: ConservationStore
  readonly store: ConservationStore
  readonly known: KnownConsumer
  /** Sentences that are added to. */
  readonly notes: string[]
}
