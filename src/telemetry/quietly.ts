import type { Telemetry } from './telemetry.ts'

/** Runs Waybill's own work, which is no part of anybody's trace. */
export function quietly<Result>({ tracing }: Pick<Telemetry, 'tracing'>, work: () => Result): Result {
  return tracing === undefined ? work() : tracing.quietly(work)
}
