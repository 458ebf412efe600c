import type { ConfigProblem } from './problem.ts'
import type { VariableValues } from './variables.ts'

/** Room for the scheduling of processes and for the way of a frame. */
const SLACK_MS = 1000

/** Values that are each possible and together not safe. */
export function relationProblems(values: VariableValues): ConfigProblem[] {
  return [fencing(values), renewal(values)].filter((problem) => problem !== null)
}

/**
 * A relay that freezes may have handed frames to its socket up to `margin + confirm timeout` before its lease
 * ended; the broker drops its connection after three heartbeats; a successor begins `grace` after the end of the
 * lease. The connection must be gone before the successor publishes, else a late frame could overtake it.
 */
function fencing(values: VariableValues): ConfigProblem | null {
  const heartbeatMs = values.WAYBILL_AMQP_HEARTBEAT_MS
  const gone = 3 * heartbeatMs + SLACK_MS
  const rest = values.WAYBILL_MARGIN_MS + values.WAYBILL_AMQP_CONFIRM_TIMEOUT_MS
  if (gone < values.WAYBILL_GRACE_MS + rest) return null
  return {
    variable: 'WAYBILL_GRACE_MS',
    value: String(values.WAYBILL_GRACE_MS),
    problem:
      `lets a successor publish before the broker has dropped a frozen relay: 3 heartbeats of ${heartbeatMs} ms ` +
      `and ${SLACK_MS} ms of slack are ${gone} ms, and grace, WAYBILL_MARGIN_MS and ` +
      `WAYBILL_AMQP_CONFIRM_TIMEOUT_MS are together ${values.WAYBILL_GRACE_MS + rest} ms`,
    wanted: 'the sum of the three above the first number, so that messages of one key keep their order',
    remedy: `Set WAYBILL_GRACE_MS to at least ${gone - rest + 1}, or lower WAYBILL_AMQP_HEARTBEAT_MS.`,
  }
}

/** Two renewals may be lost before a relay must stop publishing. */
function renewal(values: VariableValues): ConfigProblem | null {
  const usable = values.WAYBILL_LEASE_MS - values.WAYBILL_MARGIN_MS
  if (usable > 2 * values.WAYBILL_RENEW_MS) return null
  return {
    variable: 'WAYBILL_RENEW_MS',
    value: String(values.WAYBILL_RENEW_MS),
    problem: `is too seldom for WAYBILL_LEASE_MS ${values.WAYBILL_LEASE_MS} and WAYBILL_MARGIN_MS ${values.WAYBILL_MARGIN_MS}: one lost renewal would lose the lanes`,
    wanted: `less than ${Math.max(usable, 0) / 2}, so that two renewals fit into the usable part of the lease`,
    remedy: 'Renew more often, or lengthen the lease.',
  }
}
