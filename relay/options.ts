import { WaybillError } from '../src/index.ts'

/** How a relay works. Every field has a default that suits production. */
export interface RelayOptions {
  /**
   * How long the relay's lanes stay its own without a renewal, by the database clock. A crashed relay delays its
   * messages by this and {@link RelayOptions.graceMs}. @defaultValue `15_000`
   */
  readonly leaseMs?: number
  /** How often the lease is renewed. @defaultValue a quarter of `leaseMs` */
  readonly renewMs?: number
  /** How long other relays wait after the end of a lease before they take the lanes over. @defaultValue `10_000` */
  readonly graceMs?: number
  /** How long before the end of its lease a relay gives it up for lost. @defaultValue 2/15 of `leaseMs`, 2 s at most */
  readonly marginMs?: number
  /**
   * The transport's own limit for a confirm. That long before it gives its lease up for lost the relay stops
   * publishing, so that what is in flight can still be confirmed. @defaultValue a third of `leaseMs`, 5 s at most
   */
  readonly confirmTimeoutMs?: number
  /**
   * The heartbeat that the transport agrees with the broker. A broker drops a frozen relay within three
   * heartbeats; no other relay may publish its lanes before, hence
   * `3 × heartbeat + slack < graceMs + marginMs + confirmTimeoutMs`, with a slack of 0.3 heartbeats.
   * Otherwise frames that a frozen process left in its socket could arrive after those of its successor.
   * @defaultValue `5_000`
   */
  readonly heartbeatMs?: number
  /** How often lanes are shared out anew among the relays. @defaultValue `2_000` */
  readonly rebalanceMs?: number
  /** How many records a fetch brings at most. @defaultValue `1_000` */
  readonly batchSize?: number
  /** How many messages may be unconfirmed at a time. @defaultValue `2_000` */
  readonly window?: number
  /** How many bytes may be unconfirmed at a time; half as many may wait in memory. @defaultValue 8 MiB */
  readonly windowBytes?: number
  /**
   * How often the outbox is searched without hints; less often when that takes more than a twentieth of the time.
   * @defaultValue `30_000`
   */
  readonly sweepMs?: number
  /** The wait between two looks while there is work. @defaultValue `3` */
  readonly pollMinMs?: number
  /** The wait between two looks when there was none for a while. @defaultValue `50` */
  readonly pollMaxMs?: number
  /**
   * How messages of the same key follow one another. `strict`: each one when the one before it is confirmed.
   * `pipelined`: without waiting, several times as fast for a single busy key, and in the same order as long as
   * nothing fails. When the broker refuses or returns one, or the connection breaks, those behind it may have arrived
   * already; it is then published after them. @defaultValue `strict`
   */
  readonly order?: 'strict' | 'pipelined'
  /** What becomes of the messages behind one that can never be published. @defaultValue `block-key` */
  readonly onDead?: 'block-key' | 'skip'
  /** How many messages may wait behind a parked one of their key before it is told of. @defaultValue `1_000` */
  readonly blockedAlert?: number
  /**
   * What becomes of a message that no queue is bound for, unless its type says so: kept until there is one, dropped, or
   * moved aside.
   * @defaultValue `hold`
   */
  readonly onUnroutable?: 'hold' | 'ignore' | 'dead'
  /** The wait after the first refusal of a message for its own sake; it doubles with each. @defaultValue `5_000` */
  readonly retryBaseMs?: number
  /** The longest wait between two attempts, half as much again by chance. @defaultValue 15 minutes */
  readonly retryMaxMs?: number
  /** How often a message may be refused for its own sake before it is dead. @defaultValue `10` */
  readonly retryAttempts?: number
  /** How long after its first refusal a message is tried again before it is dead. @defaultValue 24 hours */
  readonly retryForMs?: number
  /** The longest wait before an exchange that failed is tried again. @defaultValue `30_000` */
  readonly gateMaxMs?: number
  /** How long an exchange may be full without a confirm before it is passed over. @defaultValue `1_000` */
  readonly stuckMs?: number
  /** A relay whose event loop stood still for longer proves its lease before it publishes again. @defaultValue `1_000` */
  readonly stallMs?: number
  /** How often drained parts of the outbox are emptied. @defaultValue `2_000` */
  readonly rotateMs?: number
  /** How often a quiet outbox is moved on, so that all of it can be emptied. @defaultValue one hour */
  readonly burnMs?: number
  /**
   * How long what was written is kept in the history, where outboxes want one; up to three hours more, since it is forgotten
   * by the hour. @defaultValue 24 hours
   */
  readonly historyMs?: number
  /**
   * How often the relay that owns lane 0 counts what is stored, for those who listen to it; less often when that takes more
   * than a twentieth of the time. 0: never. @defaultValue `15_000`
   */
  readonly sampleMs?: number
  /** A relay with work that publishes nothing for this long is not ready. @defaultValue `60_000` */
  readonly progressMs?: number
}

export type ResolvedRelayOptions = Required<RelayOptions>

/** How many records of each lane are looked through for those that wait; beyond, they are only known to be more. */
export const LOOK_RECORDS = 10_000

const MEBIBYTE = 1_048_576
const HOUR_MS = 3_600_000

/** [least, most] for each number. */
const RANGES: Readonly<Record<NumberOption, readonly [number, number]>> = {
  leaseMs: [100, HOUR_MS],
  renewMs: [10, HOUR_MS],
  graceMs: [0, HOUR_MS],
  marginMs: [0, HOUR_MS],
  confirmTimeoutMs: [0, HOUR_MS],
  heartbeatMs: [0, HOUR_MS],
  rebalanceMs: [10, HOUR_MS],
  batchSize: [1, 10_000],
  window: [1, 100_000],
  windowBytes: [65_536, 1024 * MEBIBYTE],
  sweepMs: [50, 24 * HOUR_MS],
  pollMinMs: [1, 60_000],
  pollMaxMs: [1, 60_000],
  retryBaseMs: [10, HOUR_MS],
  retryMaxMs: [10, 24 * HOUR_MS],
  retryAttempts: [1, 1000],
  retryForMs: [0, 30 * 24 * HOUR_MS],
  blockedAlert: [1, 10_000],
  gateMaxMs: [10, HOUR_MS],
  stuckMs: [10, HOUR_MS],
  stallMs: [50, HOUR_MS],
  rotateMs: [10, HOUR_MS],
  burnMs: [1000, 24 * HOUR_MS],
  historyMs: [HOUR_MS, 40 * HOUR_MS],
  sampleMs: [0, HOUR_MS],
  progressMs: [100, 24 * HOUR_MS],
}

type NumberOption = Exclude<keyof RelayOptions, 'order' | 'onDead' | 'onUnroutable'>

const SLACK_HEARTBEATS = 0.3

/** @throws WaybillError WAYBILL_OPTION_INVALID */
export function resolveOptions(given: RelayOptions = {}): ResolvedRelayOptions {
  const leaseMs = given.leaseMs ?? 15_000
  const options: ResolvedRelayOptions = {
    leaseMs,
    renewMs: given.renewMs ?? Math.floor(leaseMs / 4),
    graceMs: given.graceMs ?? 10_000,
    marginMs: given.marginMs ?? Math.min(2000, Math.floor((leaseMs * 2) / 15)),
    confirmTimeoutMs: given.confirmTimeoutMs ?? Math.min(5000, Math.floor(leaseMs / 3)),
    heartbeatMs: given.heartbeatMs ?? 5000,
    rebalanceMs: given.rebalanceMs ?? 2000,
    batchSize: given.batchSize ?? 1000,
    window: given.window ?? 2000,
    windowBytes: given.windowBytes ?? 8 * MEBIBYTE,
    sweepMs: given.sweepMs ?? 30_000,
    pollMinMs: given.pollMinMs ?? 3,
    pollMaxMs: given.pollMaxMs ?? 50,
    order: given.order ?? 'strict',
    onDead: given.onDead ?? 'block-key',
    blockedAlert: given.blockedAlert ?? 1000,
    onUnroutable: given.onUnroutable ?? 'hold',
    retryBaseMs: given.retryBaseMs ?? 5000,
    retryMaxMs: given.retryMaxMs ?? HOUR_MS / 4,
    retryAttempts: given.retryAttempts ?? 10,
    retryForMs: given.retryForMs ?? 24 * HOUR_MS,
    gateMaxMs: given.gateMaxMs ?? 30_000,
    stuckMs: given.stuckMs ?? 1000,
    stallMs: given.stallMs ?? 1000,
    rotateMs: given.rotateMs ?? 2000,
    burnMs: given.burnMs ?? HOUR_MS,
    historyMs: given.historyMs ?? 24 * HOUR_MS,
    sampleMs: given.sampleMs ?? 15_000,
    progressMs: given.progressMs ?? 60_000,
  }
  checkNames(given, options)
  for (const [name, range] of Object.entries(RANGES)) checkNumber(name, options[name as NumberOption], range)
  checkChoice('order', options.order, ['strict', 'pipelined'])
  checkChoice('onDead', options.onDead, ['block-key', 'skip'])
  checkChoice('onUnroutable', options.onUnroutable, ['hold', 'ignore', 'dead'])
  checkRelations(options)
  return options
}

function checkNames(given: RelayOptions, known: ResolvedRelayOptions): void {
  for (const name of Object.keys(given)) {
    if (name in known) continue
    const names = Object.keys(known).join(', ')
    throw invalid(`Relays have no option "${name}".`, `Known are ${names}.`)
  }
}

function checkNumber(name: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return
  throw invalid(
    `Relay option ${name} is ${String(value)}.`,
    `Wanted is a whole number from ${least} to ${most}.`,
  )
}

function checkChoice(name: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return
  throw invalid(`Relay option ${name} is "${value}".`, `Wanted is one of ${choices.join(', ')}.`)
}

function checkRelations(options: ResolvedRelayOptions): void {
  const { leaseMs, renewMs, graceMs, marginMs, confirmTimeoutMs, heartbeatMs, pollMinMs, pollMaxMs } = options
  if (2 * renewMs > leaseMs - marginMs - confirmTimeoutMs) {
    throw invalid(
      `A lease of ${leaseMs} ms that is renewed every ${renewMs} ms cannot always be proven.`,
      `Wanted is 2 × renewMs <= leaseMs - marginMs (${marginMs}) - confirmTimeoutMs (${confirmTimeoutMs}).`,
    )
  }
  const dropped = (3 + SLACK_HEARTBEATS) * heartbeatMs
  const earliest = graceMs + marginMs + confirmTimeoutMs
  if (dropped > 0 && dropped >= earliest) {
    throw invalid(
      `Lanes of a frozen relay could be taken over before the broker has dropped its connection, after ${dropped} ms.`,
      `Wanted is 3.3 × heartbeatMs (${heartbeatMs}) < graceMs (${graceMs}) + marginMs (${marginMs}) + confirmTimeoutMs (${confirmTimeoutMs}).`,
      'Raise graceMs, or lower the heartbeat of the transport and heartbeatMs with it.',
    )
  }
  if (pollMinMs > pollMaxMs) {
    throw invalid(`Relay option pollMinMs is ${pollMinMs}.`, `Wanted is at most pollMaxMs, ${pollMaxMs}.`)
  }
}

function invalid(problem: string, wanted: string, remedy?: string): WaybillError {
  return new WaybillError(
    'WAYBILL_OPTION_INVALID',
    remedy === undefined ? { problem, wanted } : { problem, wanted, remedy },
  )
}
