import {
  createDuty,
  createPace,
  type Clock,
  type Drain,
  type FetchPlan,
  type FetchResult,
  type RelayStore,
  type Ring,
  type Telemetry,
} from '../../src/ports.ts'
import type { ResolvedRelayOptions } from '../options.ts'

export interface FetchingParts {
  readonly store: RelayStore
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly options: ResolvedRelayOptions
  readonly drain: Drain
  relayId(): string
  /** Whether what is fetched could be published now. */
  isAccepting(): boolean
  /** New records are in memory. */
  onRecords(): void
  /** A lane was not answered although it was asked for. */
  onMissing(): void
  onAnswer(): void
  onError(error: unknown, failures: number): number
}

/** Looks for records: at once when told to, else by the doorbell. */
export interface Fetching {
  start(): void
  /** Something was committed. */
  wake(): void
  /** There may be room again. */
  poke(): void
  stop(): Promise<void>
}

/** Nothing to do until poked; the limit only guards against a poke that was never given. */
const WAIT_MS = 250

export function createFetching(parts: FetchingParts): Fetching {
  const { store, drain, options } = parts
  const { intake } = drain
  const pace = createPace({ minMs: options.pollMinMs, maxMs: options.pollMaxMs })
  /** What was read last with every lane that there was: nothing has come as long as the doorbell sounds like it. */
  let heard: Ring | null = null

  const hasRung = async (): Promise<boolean> => {
    const ring = await store.ring()
    parts.onAnswer()
    return heard === null || !isSame(ring, heard)
  }
  const poll = async (): Promise<number | null> => {
    if (!intake.expectant) {
      if (!(await hasRung())) return 0
      intake.wake()
    }
    const plan = intake.plan()
    if (plan === null) return null
    const result = await fetchPages(parts, plan)
    heard = plan.request.lanes.length === drain.lanes.owned().length ? result : null
    return result.pages.reduce((sum, page) => sum + page.records.length, 0)
  }
  const run = async (): Promise<number> => {
    if (!parts.isAccepting() || drain.lanes.owned().length === 0) return WAIT_MS
    const records = await timed(parts, poll)
    if (records === null) return WAIT_MS
    return intake.hungry ? 0 : pace.next(records > 0)
  }
  const duty = createDuty({
    clock: parts.clock,
    run,
    onError(error, failures) {
      heard = null
      return parts.onError(error, failures)
    },
  })
  return {
    start() {
      duty.start()
    },
    wake() {
      intake.wake()
      duty.poke()
    },
    poke() {
      duty.poke()
    },
    stop: () => duty.stop(),
  }
}

function isSame(one: Ring, other: Ring): boolean {
  return one.snapshot === other.snapshot && one.sequence === other.sequence && one.server === other.server
}

/** @param poll resolves with the number of records that it brought, or with null when it did not ask. */
async function timed(
  { telemetry, clock }: FetchingParts,
  poll: () => Promise<number | null>,
): Promise<number | null> {
  if (telemetry.polled === undefined) return poll()
  const began = clock.monotonic()
  try {
    const records = await poll()
    if (records !== null) telemetry.polled(records > 0 ? 'hit' : 'empty', records, clock.monotonic() - began)
    return records
  } catch (error) {
    telemetry.polled('error', 0, clock.monotonic() - began)
    throw error
  }
}

async function fetchPages(parts: FetchingParts, plan: FetchPlan): Promise<FetchResult> {
  const { store, drain } = parts
  const { intake } = drain
  try {
    const result = await store.fetch({ relayId: parts.relayId(), ...plan.request })
    parts.onAnswer()
    const missing = intake.apply(plan, result)
    if (missing.length > 0) parts.onMissing()
    if (result.pages.some((page) => page.records.length > 0)) parts.onRecords()
    return result
  } catch (error) {
    intake.abandon(plan)
    drain.doubt()
    throw error
  }
}
