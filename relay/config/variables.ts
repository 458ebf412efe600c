import type { LogFormat, LogLevel } from '../logging/logger.ts'
import { ADMIN_VARIABLES, type AdminValues } from './admin-variables.ts'
import { CONNECTION_VARIABLES, type ConnectionValues } from './connection-variables.ts'
import { listenAddress, oneOf, shortText, whole, type ListenAddress } from './parse.ts'
import { RELAY_VARIABLES, type RelayValues } from './relay-variables.ts'
import { optional, type VariablesOf } from './variable.ts'

export interface ProcessValues {
  readonly WAYBILL_HEALTH_LISTEN: ListenAddress
  readonly WAYBILL_LOG_LEVEL: LogLevel
  readonly WAYBILL_LOG_FORMAT: LogFormat
  readonly WAYBILL_SHUTDOWN_TIMEOUT_MS: number
  readonly WAYBILL_HOST: string | null
  readonly WAYBILL_OUTBOX: string
}

/** What the process is like around the relay. */
const PROCESS_VARIABLES: VariablesOf<ProcessValues> = {
  WAYBILL_HEALTH_LISTEN: {
    ...optional,
    meaning:
      'Where /livez, /readyz and /metrics are served. Port 0 takes any free one. The image sets 0.0.0.0:9464.',
    parser: listenAddress(),
    fallback: { host: '127.0.0.1', port: 9464 },
  },
  WAYBILL_LOG_LEVEL: {
    ...optional,
    meaning: 'The least important entries that are logged.',
    parser: oneOf('debug', 'info', 'warn', 'error', 'silent'),
    fallback: 'info',
  },
  WAYBILL_LOG_FORMAT: {
    ...optional,
    meaning: 'Whether log lines are for machines or for people.',
    parser: oneOf('json', 'text'),
    fallback: 'json',
  },
  WAYBILL_SHUTDOWN_TIMEOUT_MS: {
    ...optional,
    meaning: 'How long a stopping relay may take to finish what is in flight.',
    parser: whole('milliseconds', 100, 3_600_000),
    fallback: 25_000,
  },
  WAYBILL_HOST: {
    ...optional,
    meaning: 'The name by which `waybill status` shows this relay. Left out: the host name of the machine.',
    parser: shortText(255),
    fallback: null,
  },
  WAYBILL_OUTBOX: {
    ...optional,
    meaning:
      'How metrics call the outbox, in their label `outbox`. Of several, each is called by its database and schema.',
    parser: shortText(100),
    fallback: 'default',
  },
}

/** The value of each variable once read. Null: not set, and there is no default. */
export interface VariableValues extends ConnectionValues, RelayValues, ProcessValues, AdminValues {}

export type VariableName = keyof VariableValues

/** Every environment variable that Waybill reads. */
export const VARIABLES: VariablesOf<VariableValues> = {
  ...CONNECTION_VARIABLES,
  ...RELAY_VARIABLES,
  ...PROCESS_VARIABLES,
  ...ADMIN_VARIABLES,
}
