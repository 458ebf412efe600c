import { parseArgs } from 'node:util'

export const USAGE = `npm run demo -- [--once | --stay] [--json] [--count N] [--database-url URL] [--amqp-url URL]

  --once            place the orders, wait until all is handled, report and end
                    (without it, and on a terminal, go on with an order each half second until Ctrl-C)
  --stay            go on like that although there is no terminal
  --json            print the report as one JSON object on the last line
  --count N         how many orders, default 200
  --database-url    a PostgreSQL of your own; default: one out of npm, private and temporary
  --amqp-url        a RabbitMQ of your own; default: a broker in memory`

const MOST_ORDERS = 1_000_000

export interface DemoOptions {
  readonly once: boolean
  readonly json: boolean
  readonly count: number
  readonly databaseUrl: string | undefined
  readonly amqpUrl: string | undefined
}

/** What was asked for cannot be done. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** @returns null when only help was asked for. @throws UsageError */
export function readOptions(args: readonly string[], hasTerminal: boolean): DemoOptions | null {
  const values = parse(args)
  if (values.help) return null
  const count = Number(values.count)
  if (!/^\d+$/.test(values.count) || count < 1 || count > MOST_ORDERS)
    throw new UsageError(
      `--count must be a whole number from 1 to ${String(MOST_ORDERS)}, got "${values.count}".`,
    )
  if (values.once && values.stay) throw new UsageError('--once and --stay contradict each other.')
  return {
    once: values.once || !(values.stay || hasTerminal),
    json: values.json,
    count,
    databaseUrl: urlOf(values, 'database-url', ['postgres:', 'postgresql:']),
    amqpUrl: urlOf(values, 'amqp-url', ['amqp:', 'amqps:']),
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: 'boolean', default: false },
        stay: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        count: { type: 'string', default: '200' },
        'database-url': { type: 'string' },
        'amqp-url': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** Never repeats the value: it may hold a password. */
function urlOf<Name extends string>(
  values: Readonly<Partial<Record<Name, string>>>,
  name: Name,
  protocols: readonly string[],
): string | undefined {
  const value = values[name]
  if (value === undefined || protocols.some((protocol) => value.startsWith(`${protocol}//`))) return value
  throw new UsageError(
    `--${name} must begin with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}.`,
  )
}
