import type { BulkItem, BulkOperation, BulkPreview, BulkRequest } from './bulk.ts'
import type {
  Attempt,
  CountedPage,
  DeadLetter,
  DeadLetterDetails,
  DeadLetterFilter,
  DeadLetterPayload,
  FailureGroup,
  Page,
  PageRequest,
  WaitingMessage,
} from './dead-letter.ts'
import type {
  AuditEvent,
  AuditFilter,
  DeniedAttempt,
  DiscardIntent,
  EditIntent,
  Intent,
  LetterIntent,
} from './intent.ts'
import type {
  ConsumerView,
  ConversationView,
  MessageView,
  PauseView,
  RelayView,
  RenamePreview,
  Stats,
} from './views.ts'

/**
 * What operators do with messages that got stuck: one implementation for API, command line and console.
 *
 * Every call that takes a filter, an id or an option refuses what cannot be meant with WAYBILL_OPTION_INVALID. The other
 * codes that calls throw are named with them. `details` of an error has what a program needs of its text.
 */
export interface DeadLetterOperations {
  readonly letters: LetterOperations
  readonly bulk: BulkOperations
  readonly services: ServiceOperations
  readonly audit: AuditOperations
  readonly messages: MessageOperations
}

/** Looking at dead letters, and repairing one. */
export interface LetterOperations {
  /** Those that failed last come first. @throws WaybillError WAYBILL_CURSOR_INVALID */
  list(filter?: DeadLetterFilter, page?: PageRequest): Promise<CountedPage<DeadLetter>>
  /** The largest groups come first. @throws WaybillError WAYBILL_CURSOR_INVALID */
  groups(filter?: DeadLetterFilter, page?: PageRequest): Promise<Page<FailureGroup>>
  /** @throws WaybillError WAYBILL_NOT_FOUND */
  show(id: string): Promise<DeadLetterDetails>
  /** The last one comes first. @throws WaybillError WAYBILL_NOT_FOUND, WAYBILL_CURSOR_INVALID */
  attempts(id: string, page?: PageRequest): Promise<Page<Attempt>>
  /** @throws WaybillError WAYBILL_NOT_FOUND */
  payload(id: string): Promise<DeadLetterPayload>
  /** What waits behind it in its key, in order. @throws WaybillError WAYBILL_NOT_FOUND, WAYBILL_CURSOR_INVALID */
  waiting(id: string, page?: PageRequest): Promise<CountedPage<WaitingMessage>>

  /**
   * Makes a dead letter due again: the same consumer handles it, or a relay publishes it.
   * @throws WaybillError WAYBILL_NOT_FOUND, WAYBILL_REVISION_CONFLICT, WAYBILL_STATE_CONFLICT,
   * WAYBILL_CONFIRMATION_NEEDED (`details.confirmations`), WAYBILL_IDEMPOTENCY_MISMATCH
   */
  replay(id: string, intent: LetterIntent): Promise<DeadLetter>
  /**
   * Replays a copy with another payload and a message id of its own, in the place of the original, which is kept.
   * @returns the copy
   * @throws WaybillError as `replay`, and WAYBILL_EDITING_OFF
   */
  replayEdited(id: string, intent: EditIntent): Promise<DeadLetter>
  /** Gives it up for good, and lets those of its key go that wait for it. @throws WaybillError as `replay` */
  discard(id: string, intent: DiscardIntent): Promise<DeadLetter>
  /** Takes a discard back: it is a dead letter again. @throws WaybillError as `replay` */
  restore(id: string, intent: LetterIntent): Promise<DeadLetter>
}

/** Repairing many, by a job that outlives the process that does it. */
export interface BulkOperations {
  /** Counts what `start` would choose. */
  preview(request: BulkRequest): Promise<BulkPreview>
  /**
   * Chooses now, and is then done bit by bit.
   * @throws WaybillError WAYBILL_COUNT_CHANGED (`details.count`), WAYBILL_STATE_CONFLICT when another one is under way
   * for one of the consumers (`details.bulkId`), WAYBILL_IDEMPOTENCY_MISMATCH
   */
  start(request: BulkRequest): Promise<BulkOperation>
  /** The last one comes first. @throws WaybillError WAYBILL_CURSOR_INVALID */
  list(page?: PageRequest): Promise<Page<BulkOperation>>
  /** @throws WaybillError WAYBILL_NOT_FOUND */
  show(id: string): Promise<BulkOperation>
  /** @throws WaybillError WAYBILL_NOT_FOUND, WAYBILL_CURSOR_INVALID */
  items(id: string, page?: PageRequest): Promise<Page<BulkItem>>
  /** @throws WaybillError WAYBILL_NOT_FOUND, WAYBILL_STATE_CONFLICT, WAYBILL_IDEMPOTENCY_MISMATCH */
  pause(id: string, intent: Intent): Promise<BulkOperation>
  /** @throws WaybillError as `pause` */
  resume(id: string, intent: Intent): Promise<BulkOperation>
  /** @throws WaybillError as `pause` */
  cancel(id: string, intent: Intent): Promise<BulkOperation>
  /**
   * Does the next bit of one that is due. Any number of processes may call it at once.
   * @returns how long nothing is to be done, in milliseconds; null when there is no operation under way
   */
  work(): Promise<number | null>
}

/** Consumers and relays. */
export interface ServiceOperations {
  consumers(): Promise<readonly ConsumerView[]>
  relays(): Promise<readonly RelayView[]>
  /** Takes effect within two seconds, and lasts until it is resumed. For relays the name is a host, or `*` for all. */
  pause(
    kind: PauseView['kind'],
    name: string,
    intent: Intent & { readonly reason: string },
  ): Promise<PauseView>
  /** @returns whether it was paused */
  resume(kind: PauseView['kind'], name: string, intent: Intent): Promise<boolean>
  /** Tells what `rename` would do, and changes nothing. @throws WaybillError as `rename` */
  previewRename(from: string, to: string): Promise<RenamePreview>
  /**
   * Gives a consumer another name in all that is kept of it, in one transaction.
   * @throws WaybillError WAYBILL_NOT_FOUND, WAYBILL_STATE_CONFLICT while an instance of either name runs, or when there is
   * something of the new name
   */
  rename(from: string, to: string, intent: Intent): Promise<void>
  stats(): Promise<Stats>
}

export interface AuditOperations {
  /** The last one comes first. @throws WaybillError WAYBILL_CURSOR_INVALID */
  list(filter?: AuditFilter, page?: PageRequest): Promise<Page<AuditEvent>>
  /** Notes an attempt that was denied, such as one without the role for it. */
  denied(attempt: DeniedAttempt): Promise<void>
}

/** Where messages are. */
export interface MessageOperations {
  /** @returns what is still stored of it; `places` is empty when nothing is */
  byId(messageId: string): Promise<MessageView>
  /** Messages of one correlation id, the oldest first; 1000 at most. */
  conversation(correlationId: string): Promise<ConversationView>
}
