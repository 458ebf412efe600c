import { isWaybillError } from '../../src/index.ts'
import { resolveOptions, type RelayOptions, type ResolvedRelayOptions } from '../options.ts'
import type { ConfigProblem } from './problem.ts'
import type { VariableName, VariableValues } from './variables.ts'

/** Which variable sets which option of the relay. */
const VARIABLE_OF = {
  leaseMs: 'WAYBILL_LEASE_MS',
  renewMs: 'WAYBILL_RENEW_MS',
  graceMs: 'WAYBILL_GRACE_MS',
  marginMs: 'WAYBILL_MARGIN_MS',
  confirmTimeoutMs: 'WAYBILL_AMQP_CONFIRM_TIMEOUT_MS',
  heartbeatMs: 'WAYBILL_AMQP_HEARTBEAT_MS',
  rebalanceMs: 'WAYBILL_REBALANCE_MS',
  batchSize: 'WAYBILL_BATCH_SIZE',
  window: 'WAYBILL_WINDOW',
  windowBytes: 'WAYBILL_WINDOW_BYTES',
  pollMinMs: 'WAYBILL_POLL_MIN_MS',
  pollMaxMs: 'WAYBILL_POLL_MAX_MS',
  sweepMs: 'WAYBILL_SWEEP_MS',
  gateMaxMs: 'WAYBILL_GATE_MAX_MS',
  sampleMs: 'WAYBILL_SAMPLE_MS',
  historyMs: 'WAYBILL_HISTORY_MS',
  progressMs: 'WAYBILL_PROGRESS_MS',
  order: 'WAYBILL_ORDER',
  onDead: 'WAYBILL_ON_DEAD',
  onUnroutable: 'WAYBILL_ON_UNROUTABLE',
  retryBaseMs: 'WAYBILL_RETRY_BASE_MS',
  retryMaxMs: 'WAYBILL_RETRY_MAX_MS',
  retryAttempts: 'WAYBILL_RETRY_ATTEMPTS',
  retryForMs: 'WAYBILL_RETRY_FOR_MS',
  blockedAlert: 'WAYBILL_BLOCKED_ALERT',
} as const satisfies Partial<Record<keyof RelayOptions, VariableName>>

/**
 * The options of the relay, complete.
 * @throws WaybillError WAYBILL_OPTION_INVALID when they are not safe together.
 */
export function relayOptions(values: VariableValues): ResolvedRelayOptions {
  const given = Object.entries(VARIABLE_OF).map(([option, variable]) => [option, values[variable]] as const)
  return resolveOptions(Object.fromEntries(given.filter(([, value]) => value !== null)))
}

/**
 * Values that are each possible and together not safe, such as lanes that could be taken over before the broker has
 * dropped the connection of a frozen relay. The rules are those of options.ts, said in the names of variables.
 */
export function relationProblems(values: VariableValues): ConfigProblem[] {
  try {
    relayOptions(values)
    return []
  } catch (error) {
    if (!isWaybillError(error, 'WAYBILL_OPTION_INVALID')) throw error
    const names = new RegExp(`\\b(${Object.keys(VARIABLE_OF).join('|')})\\b`, 'g')
    const text = error.message.replace(names, (option) => VARIABLE_OF[option as keyof typeof VARIABLE_OF])
    return [
      {
        variable: 'The combination of values',
        value: null,
        problem: 'is not safe',
        wanted: null,
        remedy: text,
      },
    ]
  }
}
