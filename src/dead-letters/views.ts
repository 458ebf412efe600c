import type { LetterState, Total } from './dead-letter.ts'

/** What an operator has stopped. */
export interface PauseView {
  readonly kind: 'consumer' | 'relay'
  /** A consumer; or the host of relays, `*` for all. */
  readonly name: string
  readonly pausedAt: Date
  readonly pausedBy: string
  readonly reason: string
}

export interface ConsumerView {
  readonly name: string
  readonly queue: string | null
  readonly mode: string | null
  /** Those that run. */
  readonly instances: readonly {
    readonly instanceId: string
    readonly host: string
    readonly startedAt: Date
  }[]
  readonly retry: Total
  readonly waiting: Total
  readonly dead: Total
  readonly pause: PauseView | null
}

/** What a rename would move, besides what the inbox remembers. */
export interface RenamePreview {
  readonly from: string
  readonly to: string
  readonly retry: Total
  readonly waiting: Total
  readonly dead: Total
  /** It stays in force under the new name. */
  readonly pause: PauseView | null
}

export interface RelayView {
  readonly relayId: string
  readonly host: string
  /** Its lease has not run out. */
  readonly live: boolean
  readonly lanes: readonly number[]
  readonly registeredAt: Date
  readonly pause: PauseView | null
}

export interface Stats {
  /** By the database clock. */
  readonly asOf: Date
  /** Of consumers. */
  readonly in: Readonly<Record<'retry' | 'waiting' | 'dead', Total>>
  /** Of relays. */
  readonly out: Readonly<Record<'retry' | 'dead', Total>>
  readonly lastDeadAt: Date | null
  readonly bulkUnderWay: number
  readonly paused: readonly PauseView[]
}

/** One place where a message is or was. */
export interface MessagePlace {
  /** `inbox`: a consumer remembers it, as handled unless it is a failure there too. */
  readonly place: 'outbox' | 'scheduled' | 'failure' | 'parked' | 'inbox'
  readonly consumer: string | null
  readonly state: LetterState | null
  /** Of a dead letter. */
  readonly letterId: string | null
  readonly type: string | null
  readonly at: Date
}

export interface MessageView {
  readonly messageId: string
  readonly places: readonly MessagePlace[]
  /** False when the outbox is so long that not all of it was looked through. */
  readonly isComplete: boolean
}

export interface ConversationView {
  readonly correlationId: string
  readonly messages: readonly (MessagePlace & {
    readonly messageId: string
    readonly causationId: string | null
  })[]
  readonly isComplete: boolean
}
