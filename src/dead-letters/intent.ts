/** Who wants something done. */
export interface Actor {
  /** As audit events name them. */
  readonly name: string
  readonly roles?: readonly string[] | undefined
  readonly via: 'api' | 'cli' | 'program'
  readonly address?: string | undefined
  readonly requestId?: string | undefined
  readonly traceId?: string | undefined
}

/**
 * What an operator has been told of, and wants all the same.
 *
 * - `uncertain`: the message might be handled a second time.
 * - `replays`: it was replayed five times or more, to no avail.
 * - `order`: messages of its key that came later may have been handled meanwhile.
 */
export type Confirmation = 'uncertain' | 'replays' | 'order'

/** Every change is made by somebody, and noted with who it was in the transaction of the change. */
export interface Intent {
  readonly by: Actor
  /** Why; needed to discard. */
  readonly reason?: string | undefined
  /** A change that is asked for again with the same one, within 24 hours, is not made again and answered alike. */
  readonly idempotencyKey?: string | undefined
}

/** A change of one dead letter. */
export interface LetterIntent extends Intent {
  /** Refuses the change when it has another revision by now. */
  readonly revision?: number | undefined
  readonly confirm?: readonly Confirmation[] | undefined
}

export interface DiscardIntent extends LetterIntent {
  readonly reason: string
}

export interface EditIntent extends LetterIntent {
  readonly payload: Buffer
  /** Instead of the message's own headers. @defaultValue those of the message */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** One line of the record of who did what; never changed, never taken back. */
export interface AuditEvent {
  readonly id: number
  readonly at: Date
  readonly actor: string
  readonly roles: readonly string[]
  readonly via: string
  readonly address: string | null
  readonly requestId: string | null
  readonly traceId: string | null
  /** By the name of its operation, such as `dead-letters.replay`. */
  readonly action: string
  /** What it was done to: the id of a dead letter, `bulk-…`, `consumer …`, `relay …`. */
  readonly target: string
  /** `refused`: it could not be done. `denied`: the actor may not do it. */
  readonly outcome: 'done' | 'refused' | 'denied'
  readonly reason: string | null
  /** More, such as the digests of a payload before and after; never what a message says. */
  readonly details: Readonly<Record<string, unknown>>
}

export interface AuditFilter {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly target?: string | undefined
  readonly outcome?: AuditEvent['outcome'] | undefined
  readonly from?: Date | undefined
  readonly until?: Date | undefined
}

/** An attempt that was denied before it came to the operations. */
export interface DeniedAttempt {
  readonly by: Actor
  readonly action: string
  readonly target: string
  readonly reason: string
}
