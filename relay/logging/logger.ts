import type { Clock, Logger, LogMethod } from '../../src/ports.ts'
import type { Redact } from '../config/secrets.ts'
import { describeError, sentenceOf } from './describe-error.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number] | 'silent'
export type LogFormat = 'json' | 'text'

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  readonly clock: Pick<Clock, 'now'>
  readonly redact: Redact
  /** Takes one whole line. */
  readonly write: (line: string) => void
}

type Fields = Readonly<Record<string, unknown>>

/** One line for each entry: JSON for machines, text for people. Values that cannot be shown never throw. */
export function createLogger(options: LoggerOptions): Logger {
  const least = options.level === 'silent' ? LOG_LEVELS.length : LOG_LEVELS.indexOf(options.level)
  const format = options.format === 'json' ? jsonLine : textLine
  const method = (level: (typeof LOG_LEVELS)[number]): LogMethod => {
    if (LOG_LEVELS.indexOf(level) < least) return () => undefined
    return (fields, text) => {
      const time = new Date(options.clock.now()).toISOString()
      options.write(`${visible(options.redact(format({ time, level, text }, fields)))}\n`)
    }
  }
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') }
}

/**
 * What JSON leaves as it is and terminals obey or readers take for the end of a line: further control characters, separators of
 * lines, marks that turn the direction of text. They only ever stand inside of texts in quotes, where the escape says the same.
 */
const OBEYED = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

function visible(line: string): string {
  return line.replaceAll(OBEYED, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

interface Entry {
  readonly time: string
  readonly level: string
  readonly text: string
}

function jsonLine({ time, level, text }: Entry, fields: Fields): string {
  return toJson({ time, level, msg: text, ...fields })
}

function textLine({ time, level, text }: Entry, fields: Fields): string {
  const parts = Object.entries(fields).map(([name, value]) => `${name}=${textValue(value)}`)
  return [time, level.toUpperCase().padEnd(5), text.replaceAll(/\s*\n\s*/g, ' '), ...parts].join(' ')
}

function textValue(value: unknown): string {
  if (value instanceof Error) return toJson(sentenceOf(value))
  return typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : toJson(value)
}

/** Chains of causes may be endless, since each is described anew. */
const DEEPEST = 8

/** JSON of anything: errors with their causes, big numbers and buffers as text, what is circular by its name. */
function toJson(value: unknown): string {
  const above: unknown[] = []
  try {
    const text: unknown = JSON.stringify(value, function (this: unknown, _key, member: unknown) {
      while (above.length > 0 && above.at(-1) !== this) above.pop()
      const shown = showable(member)
      if (typeof shown !== 'object' || shown === null) return shown
      if (above.includes(shown)) return '(circular)'
      if (above.length > DEEPEST) return '(deeper)'
      above.push(shown)
      return shown
    })
    // Its type does not say so, but of undefined or a function it makes undefined.
    return typeof text === 'string' ? text : String(value)
  } catch (error) {
    return JSON.stringify({ msg: '(an entry that cannot be shown)', reason: String(error) })
  }
}

function showable(value: unknown): unknown {
  if (value instanceof Error) return describeError(value)
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return `(${value.length} bytes)`
  if (typeof value === 'object' && value !== null && isBufferJson(value))
    return `(${value.data.length} bytes)`
  return value
}

/** JSON.stringify has called a Buffer's `toJSON` before the replacer sees it. */
function isBufferJson(value: object): value is { readonly data: readonly unknown[] } {
  return 'type' in value && value.type === 'Buffer' && 'data' in value && Array.isArray(value.data)
}
