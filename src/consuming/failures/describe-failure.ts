import { applicationFrame } from './application-frame.ts'
import type { KeptError } from './failure-store.ts'
import { failureFingerprint } from './fingerprint.ts'
import { inspectError, type InspectedError } from './inspect-error.ts'

/** Whose failure it is. */
export interface FailedMessage {
  readonly consumer: string
  readonly messageType: string
}

export const MESSAGE_BYTES = 1024
export const STACK_BYTES: number = 16 * 1024
/** How many errors of a chain of causes are told. */
const CHAIN_MAX = 8

/** What is kept of whatever was thrown: bounded, and in text that can be stored. Never throws. */
export function describeFailure(thrown: unknown, { consumer, messageType }: FailedMessage): KeptError {
  const chain = chainOf(thrown)
  const { type, message } = chain[0] ?? inspectError(thrown)
  const frames = chain.flatMap((error) => error.frames ?? []).join('\n')
  const frame = applicationFrame(frames, workingFolder())
  return {
    type: storable(type),
    message: cut(message, MESSAGE_BYTES),
    stack: frames === '' && chain.length === 1 ? null : cut(chain.map(told).join('\n'), STACK_BYTES),
    frame: frame === null ? null : cut(frame, MESSAGE_BYTES),
    fingerprint: failureFingerprint({ errorType: type, frame, consumer, messageType }),
  }
}

/** The error, then what it was caused by, nearest first; each once, however they refer to one another. */
function chainOf(thrown: unknown): readonly InspectedError[] {
  const chain: InspectedError[] = []
  const seen = new Set<unknown>()
  const next = [thrown]
  while (next.length > 0 && chain.length < CHAIN_MAX) {
    const each = next.shift()
    if (seen.has(each)) continue
    seen.add(each)
    const error = inspectError(each)
    chain.push(error)
    next.push(...error.causes)
  }
  return chain
}

function told({ type, message, frames }: InspectedError, place: number): string {
  const head = `${place === 0 ? '' : 'caused by '}${type}: ${cut(message, MESSAGE_BYTES)}`
  return frames === null ? head : `${head}\n${frames}`
}

/** It may have been removed while the process runs. */
function workingFolder(): string {
  try {
    return process.cwd()
  } catch {
    return '/'
  }
}

const MORE = '…'

function cut(text: string, bytes: number): string {
  const clean = storable(text)
  // Each character has at least one byte, so the rest need not be encoded to know that it is too much.
  const encoded = Buffer.from(clean.slice(0, bytes + 1), 'utf8')
  if (encoded.length <= bytes) return clean
  // What is left of a character that was cut in two is dropped.
  return encoded.toString('utf8', 0, bytes - Buffer.byteLength(MORE)).replace(/\uFFFD{1,3}$/, '') + MORE
}

/** Databases keep neither U+0000 nor half a surrogate pair in texts. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '\uFFFD')
}
