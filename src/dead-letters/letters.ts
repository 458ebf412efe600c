import { createHash } from 'node:crypto'
import { WaybillError } from '../errors.ts'
import { KEPT_HEADER } from '../message/headers.ts'
import type { MessageIds } from '../message/message-id.ts'
import { parseExactJson } from '../message/read-json.ts'
import { makeChange, type Done } from './change.ts'
import { checkConfirmations, checkFilter, checkReason } from './checks.ts'
import type { CursorScope, PlaceShape } from './cursor.ts'
import type { DeadLetter, DeadLetterDetails } from './dead-letter.ts'
import type { Changes, DeadLetterStore, LockedLetter } from './dead-letter-store.ts'
import type { EditIntent, LetterIntent } from './intent.ts'
import { letterId, letterRef, type LetterRef } from './letter-id.ts'
import type { LetterOperations } from './operations.ts'
import { readPage } from './pages.ts'
import type { AdminMoments, ResolvedBy } from '../telemetry/telemetry.ts'
import { auditedAs, refusal, RULES, type LetterAction } from './rules.ts'

/** What an operator may see of a message. */
export interface ShownMessage {
  readonly type: string
  readonly contentType: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Buffer
}

export interface LettersParts {
  readonly store: DeadLetterStore
  readonly telemetry: AdminMoments
  readonly messageIds: MessageIds
  /** Whether messages may be edited. */
  readonly editing: boolean
  readonly redact: ((message: ShownMessage) => Pick<ShownMessage, 'headers' | 'payload'>) | undefined
}

export function createLetters(parts: LettersParts): LetterOperations {
  return { ...looking(parts), ...changing(parts) }
}

type Looking = Pick<LetterOperations, 'list' | 'groups' | 'show' | 'attempts' | 'payload' | 'waiting'>

const LETTER_PLACE: PlaceShape = ['time', 'whole', 'text']

function looking({ store, redact }: LettersParts): Looking {
  return {
    async list(filter, page = {}) {
      const checked = checkFilter(filter)
      const scope = { list: 'letters', about: { ...checked }, shape: LETTER_PLACE }
      const found = await readPage(scope, page, (cut) => store.list(checked, cut))
      return { ...found, total: await store.count(checked) }
    },
    async groups(filter, page = {}) {
      const checked = checkFilter(filter)
      const scope: CursorScope = { list: 'groups', about: { ...checked }, shape: ['whole', 'text'] }
      return readPage(scope, page, (cut) => store.groups(checked, cut))
    },
    async show(id) {
      const letter = await find(store, letterRef(id))
      if (redact === undefined) return letter
      const kept = await store.payload(letterRef(id))
      return kept === null
        ? letter
        : { ...letter, headers: redact({ ...letter, payload: kept.bytes }).headers }
    },
    async attempts(id, page = {}) {
      const ref = letterRef(id)
      await find(store, ref)
      return readPage(numbered('attempts', id), page, (cut) => store.attempts(ref, cut))
    },
    async payload(id) {
      const ref = letterRef(id)
      const letter = await find(store, ref)
      const kept = await store.payload(ref)
      if (kept === null) throw notFound(id)
      if (redact === undefined || kept.sealed) return { ...kept, redacted: false }
      const bytes = redact({ ...letter, payload: kept.bytes }).payload
      return { ...kept, bytes, redacted: !bytes.equals(kept.bytes) }
    },
    async waiting(id, page = {}) {
      const ref = letterRef(id)
      const { waiting: total } = await find(store, ref)
      const found = await readPage(numbered('waiting', id), page, (cut) => store.waiting(ref, cut))
      return { ...found, total }
    },
  }
}

function numbered(list: string, id: string): CursorScope {
  return { list, about: { id }, shape: ['whole'] }
}

/** How that makes an end of a dead letter; null: it does not. */
const RESOLVED: Readonly<Record<LetterAction, ResolvedBy | null>> = {
  replay: 'replayed',
  'replay-edited': 'edited',
  discard: 'discarded',
  restore: null,
}

type Changing = Pick<LetterOperations, 'replay' | 'replayEdited' | 'discard' | 'restore'>

function changing(parts: LettersParts): Changing {
  const { store, messageIds, editing } = parts
  const act = async (action: LetterAction, id: string, asked: Deed): Promise<DeadLetter> => {
    const { intent, about = [], work } = asked
    const ref = letterRef(id)
    checkConfirmations(intent.confirm)
    const wanted = { action: auditedAs(action), target: id, intent, about: [intent.confirm ?? [], ...about] }
    const answer = await makeChange(parts, wanted, async (changes) => {
      const letter = await lockFor(action, ref, { changes, intent })
      const done = doneWith(await work(changes, letter), letter, intent)
      const resolved = RESOLVED[action]
      return {
        ...done,
        message: letter.headers,
        tell: (telemetry) => resolved !== null && telemetry.resolved?.(resolved, 1),
      }
    })
    return find(store, letterRef(answer))
  }
  return {
    replay: (id, intent) => act('replay', id, { intent, work: move('replay') }),
    async discard(id, intent) {
      checkReason(intent.reason, 'discard it')
      return act('discard', id, { intent, work: move('discard') })
    },
    restore: (id, intent) => act('restore', id, { intent, work: move('restore') }),
    async replayEdited(id, intent) {
      if (editing) checkReadable(await find(store, letterRef(id)), intent.payload)
      return act('replay-edited', id, {
        intent,
        about: [digest(intent.payload), intent.headers ?? null],
        work(changes, letter) {
          if (!editing) throw editingOff()
          return edit(changes, letter, { intent, messageId: messageIds() })
        },
      })
    },
  }
}

/** What is to be done with a dead letter that was found fit for it. */
interface Deed {
  readonly intent: LetterIntent
  /** What else makes it this deed and no other. */
  readonly about?: readonly unknown[]
  readonly work: (changes: Changes, letter: LockedLetter) => Promise<LetterRef | Edited>
}

interface Edited {
  readonly ref: LetterRef
  readonly messageId: string
  readonly before: string
  readonly after: string
}

function move(kind: 'replay' | 'discard' | 'restore') {
  return async (changes: Changes, { ref }: LockedLetter): Promise<LetterRef> => {
    await changes[kind]([ref])
    return ref
  }
}

async function edit(
  changes: Changes,
  letter: LockedLetter,
  { intent, messageId }: { readonly intent: EditIntent; readonly messageId: string },
): Promise<Edited> {
  if (letter.sealed) {
    throw new WaybillError('WAYBILL_UNSUPPORTED', {
      problem: `${letter.id} was encrypted by its consumer, so that it cannot be edited here.`,
      remedy: 'Write a new message with what it should have said, and discard this one.',
    })
  }
  const { [KEPT_HEADER.contentEncoding]: encoding, ...own } = intent.headers ?? letter.headers
  // The new payload is not encoded as the old one was.
  const headers = intent.headers === undefined && encoding === undefined ? null : JSON.stringify(own)
  const copy = await changes.replaceBy(letter.ref, { messageId, payload: intent.payload, headers })
  return { ref: copy.ref, messageId, before: copy.digest, after: digest(intent.payload) }
}

/** What does not even look like what it says it is would be a dead letter again. @throws WaybillError */
function checkReadable({ id, contentType }: DeadLetterDetails, payload: Buffer): void {
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(contentType)) return
  try {
    parseExactJson(payload)
  } catch (error) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `The new payload of ${id} cannot be read: ${error instanceof Error ? error.message : 'it is not JSON.'}`,
      wanted: `Its content type is ${contentType}.`,
    })
  }
}

function doneWith(done: LetterRef | Edited, letter: LockedLetter, intent: LetterIntent): Done {
  const { consumer, messageId, type, revision } = letter
  const common = { consumer, messageId, type, revision, confirm: intent.confirm ?? [] }
  if (!('before' in done)) return { answer: letterId(done), details: common }
  const { before, after, messageId: newMessageId } = done
  const copy = letterId(done.ref)
  return { answer: copy, details: { ...common, copy, newMessageId, before, after } }
}

/** @throws WaybillError why it cannot be done. */
async function lockFor(
  action: LetterAction,
  ref: LetterRef,
  { changes, intent }: { readonly changes: Changes; readonly intent: LetterIntent },
): Promise<LockedLetter> {
  const { from } = RULES[action]
  const [locked] = await changes.lock([ref], from === 'dead' ? 'dead' : 'discarded')
  const found = locked ?? (await changes.facts(ref))
  if (found === null) throw notFound(letterId(ref))
  const problem = refusal(action, found, intent)
  if (problem !== null) throw problem
  if (locked !== undefined) return locked
  throw new WaybillError('WAYBILL_REVISION_CONFLICT', { problem: `${letterId(ref)} is being changed.` })
}

async function find(store: DeadLetterStore, ref: LetterRef): Promise<DeadLetterDetails> {
  const letter = await store.read(ref)
  if (letter === null) throw notFound(letterId(ref))
  return letter
}

function notFound(id: string): WaybillError {
  return new WaybillError('WAYBILL_NOT_FOUND', {
    problem: `There is no ${id}.`,
    remedy: 'It was published after all, or was forgotten after its retention.',
  })
}

function editingOff(): WaybillError {
  return new WaybillError('WAYBILL_EDITING_OFF', {
    problem: 'Editing messages is switched off here.',
    remedy: 'Switch it on for those who may rewrite what services have said.',
  })
}

function digest(payload: Buffer): string {
  return createHash('sha256').update(payload).digest('hex')
}
