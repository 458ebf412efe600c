/** Where a message could not get on: `in`, at a consumer that could not handle it; `out`, at a relay that could not publish it. */
export type Direction = 'in' | 'out'

/**
 * - `retry`: it is tried again by itself, or because it was replayed.
 * - `waiting`: behind another one of its key.
 * - `dead`: given up until an operator decides: a dead letter.
 * - `resolved`: handled after all. A message that was published after all is not kept.
 * - `discarded`: given up for good.
 */
export type LetterState = 'retry' | 'waiting' | 'dead' | 'resolved' | 'discarded'

/** A message that could not be handled or published, without what it says. */
export interface DeadLetter {
  /** `in-…` or `out-…`; names it in the API and on the command line. */
  readonly id: string
  readonly direction: Direction
  readonly state: LetterState
  /** Grows with each change; for If-Match. */
  readonly revision: number
  /** Null for one of a relay. */
  readonly consumer: string | null
  readonly messageId: string
  readonly type: string
  readonly version: number
  readonly key: string | null
  readonly source: string | null
  readonly exchange: string
  readonly routingKey: string
  readonly correlationId: string | null
  readonly causationId: string | null
  readonly reason: string
  readonly errorType: string | null
  readonly errorMessage: string | null
  /** Those that failed alike have the same one. */
  readonly fingerprint: string | null
  readonly attempts: number
  /** How often it died with the process that handled it. */
  readonly crashes: number
  readonly replays: number
  /** A replay could be a second time in effect: the operator has to confirm it. */
  readonly uncertain: boolean
  /** Those of its key that came later wait for it. */
  readonly blocking: boolean
  /** The message that this one was made from by an edit. */
  readonly editedFrom: string | null
  readonly createdAt: Date | null
  /** When it failed first, and last. */
  readonly receivedAt: Date
  readonly failedAt: Date
  readonly nextAttemptAt: Date | null
  /** When it was resolved or discarded. */
  readonly endedAt: Date | null
}

/** All that is known of one, its payload apart. */
export interface DeadLetterDetails extends DeadLetter {
  readonly headers: Readonly<Record<string, string>>
  readonly contentType: string
  readonly payloadBytes: number
  readonly errorStack: string | null
  /** The topmost line of the stack that is the application's own. */
  readonly errorFrame: string | null
  /** How many wait behind it in its key. */
  readonly waiting: Total
}

/** What a message says. */
export interface DeadLetterPayload {
  readonly contentType: string
  readonly bytes: Buffer
  /** It is still as the consumer's encryption left it. */
  readonly sealed: boolean
  /** Something in it was made unreadable on purpose. */
  readonly redacted: boolean
}

/** One time that it was tried. */
export interface Attempt {
  readonly outcome: 'failed' | 'crashed' | 'handled'
  readonly replay: boolean
  readonly host: string | null
  readonly durationMs: number | null
  readonly endedAt: Date
  /** Of the trace in which it was tried; null when nobody recorded one. */
  readonly traceId: string | null
  readonly errorType: string | null
  readonly errorMessage: string | null
  readonly errorStack: string | null
}

/** A message that waits for an earlier one of its key. */
export interface WaitingMessage {
  /** Null for one that is still in the outbox. */
  readonly letterId: string | null
  readonly messageId: string
  readonly type: string
  /** Since when it is there. */
  readonly since: Date
}

/** A count that is not counted to its end: `isExact` is false when there are more than `count`. */
export interface Total {
  readonly count: number
  readonly isExact: boolean
}

/** Dead letters that failed alike. */
export interface FailureGroup {
  readonly fingerprint: string | null
  readonly count: number
  readonly consumer: string | null
  readonly type: string
  readonly reason: string
  readonly errorType: string | null
  readonly firstFailedAt: Date
  readonly lastFailedAt: Date
  /** The last one of them. */
  readonly example: DeadLetter
}

/** Which ones. All that is given must hold; nothing given: all. */
export interface DeadLetterFilter {
  /** @defaultValue `dead` */
  readonly state?: LetterState | undefined
  readonly direction?: Direction | undefined
  readonly consumer?: string | undefined
  readonly type?: string | undefined
  readonly key?: string | undefined
  readonly reason?: string | undefined
  /** Found in the error's type or message, whatever the case. */
  readonly errorText?: string | undefined
  readonly fingerprint?: string | undefined
  /** Failed last at this time or later. */
  readonly from?: Date | undefined
  /** Failed last before this time. */
  readonly until?: Date | undefined
  readonly messageId?: string | undefined
  readonly correlationId?: string | undefined
}

/** Which part of a list. */
export interface PageRequest {
  /** As the page before gave it; with another filter it is refused. */
  readonly cursor?: string | undefined
  /** 1 to 200. @defaultValue `50` */
  readonly limit?: number | undefined
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** For the next page; null when this is the last one. */
  readonly nextCursor: string | null
}

export interface CountedPage<Item> extends Page<Item> {
  /** Counted up to 10,000. */
  readonly total: Total
}
