/** One level of a {@link Logger}: fields first, then the sentence, as pino has it. */
export type LogMethod = (fields: Readonly<Record<string, unknown>>, text: string) => void

/** Port: a pino logger fits as it is. Payloads are never logged. */
export interface Logger {
  readonly debug: LogMethod
  readonly info: LogMethod
  readonly warn: LogMethod
  readonly error: LogMethod
}

const silence: LogMethod = () => undefined

/** The default: says nothing. */
export const silentLogger: Logger = { debug: silence, info: silence, warn: silence, error: silence }
