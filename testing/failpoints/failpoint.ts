import type { Clock, Database, Delivery, OutgoingMessage, Transport } from '../../src/ports.ts'

/** One transaction that is run through a wrapped database. */
export interface SeenTransaction {
  /** `transaction`: the service's own. `handle`: of messages just delivered. `retry`: of a message tried again. */
  readonly call: 'transaction' | 'handle' | 'retry'
  /** Of the messages that it handles. */
  readonly messageIds: readonly string[]
}

/** One call of a wrapped database. */
export interface SeenCall {
  /** Such as `handle`, `commit`, `ping`, `outbox.append`, `failures.claim`: the method, with the name of its store. */
  readonly call: string
}

/** What each failpoint is asked about before it happens. */
export interface Seen {
  'crash-before-commit': SeenTransaction
  'crash-after-commit': SeenTransaction
  'lost-commit-answer': SeenTransaction
  'slow-database': SeenCall
  'database-unavailable': SeenCall
  'lost-confirm': OutgoingMessage
  'duplicate-delivery': Delivery
  'blocked-broker': undefined
  'broker-unavailable': undefined
}

export type FailpointName = keyof Seen

interface Choice<Name extends FailpointName> {
  /** How often it happens before it disarms itself. */
  readonly times?: number
  /** Where it happens; everywhere when left out. */
  readonly when?: (seen: Seen[Name]) => boolean
}

/** It is there until it is disarmed. */
interface NoChoice {
  readonly times?: never
  readonly when?: never
}

/**
 * How each failpoint is armed. `times` is 1 unless said otherwise, for `slow-database` and `database-unavailable` without end;
 * the two states of the broker last until they are disarmed.
 */
export interface FailpointOptions {
  /**
   * The instance is gone before the commit: the transaction is rolled back. Everything else that runs through what these
   * failpoints wrap is gone with it, as {@link Failpoints} says.
   */
  'crash-before-commit': Choice<'crash-before-commit'>
  /** The instance is gone after the commit: the change stands, the delivery is not acked and comes again. */
  'crash-after-commit': Choice<'crash-after-commit'>
  /** The transaction is committed, but its caller is told that the connection was lost. The instance lives on. */
  'lost-commit-answer': Choice<'lost-commit-answer'>
  /**
   * Each call of the database takes longer: transactions where they begin and once more where they commit (call `commit`), and
   * each call of a store. Statements that a handler runs on its own transaction take as long as they take.
   */
  'slow-database': Choice<'slow-database'> & { readonly byMs: number }
  /**
   * Each call is refused as by a database that cannot be reached. A transaction that is open learns of it at its commit, and is
   * rolled back. The background work of relays and consumers calls too: with `times`, say `when`.
   */
  'database-unavailable': Choice<'database-unavailable'>
  /**
   * The broker has the message, and the connection is lost before its confirm: all that is in flight on it is in doubt, and is
   * published again. It happens to messages that the broker has confirmed.
   */
  'lost-confirm': Choice<'lost-confirm'>
  /** A message is delivered twice, one right after the other; what is answered to the second one does nothing. */
  'duplicate-delivery': Choice<'duplicate-delivery'>
  /** The broker is short of memory or disk and asks publishers to wait, until it is disarmed. Deliveries go on. */
  'blocked-broker': NoChoice
  /** All connections to the broker are lost, and there are no new ones until it is disarmed. */
  'broker-unavailable': NoChoice
}

/** The options may be left out where nothing in them is needed. */
export type ArmOptions<Name extends FailpointName> = 'byMs' extends keyof FailpointOptions[Name]
  ? [options: FailpointOptions[Name]]
  : [options?: FailpointOptions[Name]]

/** One fault that is armed. Made by `arm` of {@link Failpoints}. */
export interface Failpoint extends Disposable {
  readonly name: FailpointName
  /** How often it has happened. Of the states of the broker: how many connections have met it. */
  readonly fired: number
  /** Whether it may still happen. */
  readonly armed: boolean
  disarm(): void
  /** @throws Error unless it has happened: as often as `times` says, or at least once where that is without end. */
  assertFired(): void
}

/**
 * Faults at the seams to database and broker, for a service's own tests. Made by {@link failpoints}. One stands for one
 * instance, which is what a crash ends: wrap with it what one process of yours has.
 *
 * A crash takes place inside of the process, which goes on: all transactions that are open through the wrapped databases are
 * rolled back, except those whose commit is on its way, and their callers are told that the connection was lost. The wrapped
 * transports lose their connections: no answer reaches the broker any more, which brings again what was unanswered, and what was
 * published without a confirm is in doubt. Then the consumer or relay goes on, as the next instance would. What it keeps in
 * memory is not lost, nor does a handler stop in its middle: its work is void, but what it does outside of its transaction is
 * done. A kept message that was just being tried is tried again by the same instance, and not counted as a crash. To try the
 * death of a process, kill one.
 */
export interface Failpoints {
  /** The database with the seams in it. With nothing armed it behaves as without, and it keeps its type. */
  database<Tx, Whole extends Database<Tx>>(database: Whole & Database<Tx>): Whole
  /** The transport with the seams in it; as above. */
  transport<Whole extends Transport>(transport: Whole): Whole
  /** @throws WaybillError WAYBILL_OPTION_INVALID */
  arm<Name extends FailpointName>(name: Name, ...options: ArmOptions<Name>): Failpoint
  /** Disarms all. */
  disarm(): void
  /** @throws Error unless each that was ever armed has happened, as its own `assertFired` says. */
  assertFired(): void
}

export interface FailpointsOptions {
  /** Which counts the time of `slow-database`. */
  readonly clock?: Clock
}
