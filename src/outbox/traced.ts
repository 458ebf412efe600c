import type { Encoding } from '../message/encode.ts'
import { RELAY_FIELDS_BYTES, withStoredHeaders } from '../message/headers.ts'
import type { Limits } from '../message/limits.ts'
import { utf8Length } from '../message/text.ts'
import type { Creation, Tracing } from '../telemetry/tracing.ts'

export interface ToTrace {
  readonly encodings: readonly Encoding[]
  readonly limits: Limits
}

/**
 * Writes messages, each as a step of the trace that it is written in, whose context it takes along. A message that has no
 * room for it goes without: tracing never makes a write fail.
 */
export async function traced<Result>(
  tracing: Tracing | undefined,
  { encodings, limits }: ToTrace,
  write: (encodings: readonly Encoding[]) => Promise<Result> | Result,
): Promise<Result> {
  if (tracing === undefined) return write(encodings)
  const creations: Creation[] = []
  const carrying = encodings.map((encoding) => {
    const { messageId, type, exchange, routingKey } = encoding.record
    const { correlationId } = encoding
    const creation = tracing.create({ messageId, type, exchange, routingKey, correlationId })
    if (creation === null) return encoding
    creations.push(creation)
    return carry(encoding, creation, limits)
  })
  const end = (error?: unknown): void => {
    for (const creation of creations) creation.end(error)
  }
  try {
    const result = await write(carrying)
    end()
    return result
  } catch (error) {
    end(error)
    throw error
  }
}

function carry(encoding: Encoding, { headers: more }: Creation, { headerBytes }: Limits): Encoding {
  const headers = withStoredHeaders(encoding.record.headers, more)
  return utf8Length(headers) + RELAY_FIELDS_BYTES > headerBytes
    ? encoding
    : { ...encoding, record: { ...encoding.record, headers } }
}
