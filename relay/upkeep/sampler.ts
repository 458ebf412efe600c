import {
  createDuty,
  type Clock,
  type Drain,
  type Duty,
  type RelayStore,
  type Telemetry,
} from '../../src/ports.ts'
import type { ResolvedRelayOptions } from '../options.ts'

export interface SamplerParts {
  readonly store: Pick<RelayStore, 'sample'>
  readonly clock: Clock
  readonly telemetry: Pick<Telemetry, 'sampled' | 'sampleFailed'>
  readonly options: Pick<ResolvedRelayOptions, 'sampleMs'>
  readonly drain: Pick<Drain, 'lanes'>
  onAnswer(): void
  /** Told of each failure; nothing else comes of it. */
  onSampleError(error: unknown, failures: number): void
}

/** Of one statement. */
const TIMEOUT_MS = 2000
/** How soon it is noticed that the first lane came or went. */
const LOOK_MS = 1000
/** The rest after a sample, in terms of what it took: a twentieth of the time at most goes into it. */
const REST = 19

/**
 * Counts what is stored, for all relays, while the first lane is this one's. Nobody waits for it: a failure is told and
 * leaves the rest of the relay alone, and the end of the relay breaks it off.
 */
export function createSampler(parts: SamplerParts): Pick<Duty, 'start' | 'stop'> {
  const { telemetry, clock, options } = parts
  if (telemetry.sampled === undefined || options.sampleMs === 0) return IDLE
  const end = new AbortController()
  const state: State = { due: -Infinity, failures: 0, isTold: false }
  const duty = createDuty({
    clock,
    onError: () => options.sampleMs,
    async run() {
      if (!isOwner(parts)) {
        takeBack(state, parts)
        return LOOK_MS
      }
      if (clock.monotonic() >= state.due) await sample(state, parts, end.signal)
      return Math.max(0, Math.min(LOOK_MS, state.due - clock.monotonic()))
    },
  })
  return {
    start: () => {
      duty.start()
    },
    async stop() {
      end.abort()
      await duty.stop()
      takeBack(state, parts)
    },
  }
}

const IDLE: Pick<Duty, 'start' | 'stop'> = { start: () => undefined, stop: () => Promise.resolve() }

interface State {
  /** When to sample next. */
  due: number
  /** In a row. */
  failures: number
  /** Whether a sample was told and not taken back. */
  isTold: boolean
}

function isOwner({ drain }: SamplerParts): boolean {
  return drain.lanes.owned().some(({ lane }) => lane === 0)
}

async function sample(state: State, parts: SamplerParts, signal: AbortSignal): Promise<void> {
  const { store, clock, telemetry, options } = parts
  const startedAt = clock.monotonic()
  try {
    const counts = await store.sample({ timeoutMs: TIMEOUT_MS, signal })
    parts.onAnswer()
    state.failures = 0
    // Another relay may sample by now, and what is told last stays.
    if (isOwner(parts) && !signal.aborted) {
      state.isTold = true
      telemetry.sampled?.({ ...counts, durationMs: clock.monotonic() - startedAt })
    }
  } catch (error) {
    if (signal.aborted) return
    state.failures += 1
    telemetry.sampleFailed?.()
    parts.onSampleError(error, state.failures)
  }
  const now = clock.monotonic()
  state.due = Math.max(startedAt + options.sampleMs, now + REST * (now - startedAt))
}

function takeBack(state: State, { telemetry }: SamplerParts): void {
  state.due = -Infinity
  if (!state.isTold) return
  state.isTold = false
  telemetry.sampled?.(null)
}
