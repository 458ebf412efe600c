/** Where a service finds its servers, and how it is found itself. */
export interface Settings {
  readonly databaseUrl: string
  readonly amqpUrl: string
  /** Where it is asked for its metrics and its health. */
  readonly listen: { readonly host: string; readonly port: number }
  /** How its outbox is called in metrics: as the relay of this outbox calls it. */
  readonly outbox: string
  readonly ordersPerSecond: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** Beside these, the standard variables of OpenTelemetry say where traces go. */
export const SETTING_NAMES = [
  'DATABASE_URL',
  'AMQP_URL',
  'METRICS_LISTEN',
  'OUTBOX',
  'ORDERS_PER_SECOND',
] as const
type SettingName = (typeof SETTING_NAMES)[number]

/** @throws Error that names the variable and what is wanted; never its value, which may hold a password. */
export function readSettings(env: Environment): Settings {
  const text = (name: SettingName): string | undefined => (env[name] === '' ? undefined : env[name])
  return {
    databaseUrl: needed('DATABASE_URL', text('DATABASE_URL')),
    amqpUrl: needed('AMQP_URL', text('AMQP_URL')),
    listen: listenAddress(text('METRICS_LISTEN') ?? '0.0.0.0:9464'),
    outbox: text('OUTBOX') ?? 'default',
    ordersPerSecond: rate(text('ORDERS_PER_SECOND') ?? '2'),
  }
}

function needed(name: SettingName, value: string | undefined): string {
  if (value === undefined) throw new Error(`Set ${name} to the URL of the server.`)
  return value
}

function listenAddress(text: string): Settings['listen'] {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined) throw new Error('METRICS_LISTEN must be host:port, such as 0.0.0.0:9464.')
  return { host, port: Number(port) }
}

const MOST_ORDERS = 1000

function rate(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= MOST_ORDERS) return value
  throw new Error(`ORDERS_PER_SECOND must be a number above 0 and up to ${String(MOST_ORDERS)}.`)
}
