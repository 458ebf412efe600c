import { schemasOf, urlsIn } from './databases.ts'

/** What came of reading a value: the value, or what is wrong with it and how to put it right. */
export type Parsed<Value> =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'bad'; readonly problem: string; readonly remedy?: string }

/** How the text of a variable becomes a value. */
export interface Parser<Value> {
  /** Completes the sentence "Wanted: …". */
  readonly wanted: string
  parse(text: string): Parsed<Value>
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

function good<Value>(value: Value): Parsed<Value> {
  return { kind: 'value', value }
}

function bad(problem: string, remedy?: string): Parsed<never> {
  return remedy === undefined ? { kind: 'bad', problem } : { kind: 'bad', problem, remedy }
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 }

/** A whole number from `least` to `most`, in `unit`. */
export function whole(unit: string, least: number, most: number): Parser<number> {
  return {
    wanted: `a whole number of ${unit} from ${least} to ${most}`,
    parse(text) {
      if (!/^-?\d+$/.test(text)) return bad('is not a whole number', converted(text, unit))
      const value = Number(text)
      if (value < least) return bad(`is below ${least}`)
      if (value > most) return bad(`is above ${most}`)
      return good(value)
    },
  }
}

/** AMQP counts heartbeats in whole seconds; the unit stays milliseconds like everywhere else. */
export function wholeSeconds(least: number, most: number): Parser<number> {
  const milliseconds = whole('milliseconds', least, most)
  return {
    wanted: `${milliseconds.wanted}, in whole seconds`,
    parse(text) {
      const parsed = milliseconds.parse(text)
      return parsed.kind === 'bad' || parsed.value % 1000 === 0 ? parsed : bad('is not a multiple of 1000')
    },
  }
}

/** People write `15s` where milliseconds are wanted: say what that would be. */
function converted(text: string, unit: string): string | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h)$/.exec(text)
  const factor = UNITS[match?.[2] ?? '']
  if (factor === undefined || (unit !== 'milliseconds' && unit !== 'seconds')) return undefined
  const value = (Number(match?.[1]) * factor) / (unit === 'seconds' ? 1000 : 1)
  return `Write the bare number of ${unit}, here ${Math.round(value)}.`
}

export function oneOf<Choice extends string>(...choices: readonly Choice[]): Parser<Choice> {
  return {
    wanted: choices.join(' or '),
    parse(text) {
      const found = choices.find((choice) => choice === text.toLowerCase())
      return found === undefined ? bad('is none of the choices') : good(found)
    },
  }
}

/** A URL of a server. The text itself is the value, since drivers read more out of it than this check does. */
export function serverUrl(example: string, ...schemes: readonly string[]): Parser<string> {
  return {
    wanted: `a URL such as ${example}`,
    parse(text) {
      const fault = urlFault(text, schemes)
      return fault ?? good(text)
    },
  }
}

/** URLs of databases, each with the schemas that it names. The text itself is the value. */
export function databaseUrls(example: string, ...schemes: readonly string[]): Parser<string> {
  return {
    wanted: `a URL such as ${example}, or several with spaces between them`,
    parse(text) {
      for (const url of urlsIn(text)) {
        const fault = urlFault(url, schemes) ?? schemaFault(url)
        if (fault !== null) return fault
      }
      return good(text)
    },
  }
}

const ESCAPING =
  'Percent-encode special characters of the user and the password: @ is %40, # is %23, / is %2F, a space is %20.'

function urlFault(text: string, schemes: readonly string[]): Parsed<never> | null {
  if (!schemes.some((scheme) => text.startsWith(`${scheme}://`))) {
    return bad(`does not begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`)
  }
  if (!URL.canParse(text)) return bad('is not a valid URL', ESCAPING)
  return new URL(text).hash === '' ? null : bad('has an unescaped #', ESCAPING)
}

function schemaFault(url: string): Parsed<never> | null {
  for (const schema of schemasOf(url)) {
    const parsed = schema === '' ? bad('is empty') : schemaName().parse(schema)
    if (parsed.kind === 'bad') return bad(`names a schema that ${parsed.problem}`)
  }
  return null
}

/** What the adapter's `identifier()` takes, said here so that it is told together with all other problems. */
export function schemaName(): Parser<string> {
  return {
    wanted: 'the name of a PostgreSQL schema, at most 63 bytes',
    parse(text) {
      if (text.startsWith('pg_')) return bad('begins with pg_, which PostgreSQL keeps for itself')
      if (Buffer.byteLength(text) > 63) return bad('is too long, and PostgreSQL would cut it off')
      if (/\p{Cc}/u.test(text)) return bad('has control characters')
      return text.includes('$waybill$') ? bad('holds "$waybill$", which marks function bodies') : good(text)
    },
  }
}

export function shortText(most: number): Parser<string> {
  return {
    wanted: `a text without control characters, at most ${most} long`,
    parse(text) {
      if (text.length > most) return bad(`has ${text.length} characters`)
      return /\p{Cc}/u.test(text) ? bad('has control characters') : good(text)
    },
  }
}

/** `host:port`, `[::1]:port`. Port 0 takes any free one. */
export function listenAddress(): Parser<ListenAddress> {
  return {
    wanted: 'host:port, such as 127.0.0.1:9464 or [::]:9464',
    parse(text) {
      const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text)
      if (!match) return bad('is not of the form host:port')
      const port = Number(match[3])
      if (port > 65_535) return bad('has a port above 65535')
      return good({ host: match[1] ?? match[2] ?? '', port })
    },
  }
}
