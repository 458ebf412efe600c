import type { AwaitedType, ConservationStore, NotedMessage, RememberedQuery } from './conservation-store.ts'

export interface MinuteToLookAt {
  readonly producer: ConservationStore
  readonly store: ConservationStore
  readonly awaited: readonly AwaitedType[]
  readonly query: RememberedQuery
  readonly minute: number
}

export interface Differences {
  readonly missing: readonly NotedMessage[]
  readonly unexpected: readonly string[]
}

/**
 * Compares the ids of one minute. What seems to be missing or too much is then looked for by its id alone, wherever it may
 * be: it may have come meanwhile, or be known under another minute.
 */
export async function lookAtMinute(look: MinuteToLookAt): Promise<Differences> {
  const { producer, store, awaited, query, minute } = look
  const noted = await producer.notedIn(minute, awaited)
  const remembered = await store.rememberedIn({ ...query, fromMinute: minute, untilMinute: minute + 1 })
  const [left, right] = [new Set(noted.map(({ messageId }) => messageId)), new Set(remembered)]
  return {
    missing: await stillMissing(
      look,
      noted.filter(({ messageId }) => !right.has(messageId)),
    ),
    unexpected: await neverNoted(
      look,
      remembered.filter((messageId) => !left.has(messageId)),
    ),
  }
}

async function stillMissing(
  { producer, store, query }: MinuteToLookAt,
  candidates: readonly NotedMessage[],
): Promise<readonly NotedMessage[]> {
  if (candidates.length === 0) return []
  const ids = candidates.map(({ messageId }) => messageId)
  // A replay may have put it back meanwhile, so what was taken from there is looked for after it.
  const waiting = await producer.findWaiting(ids)
  const remembered = await store.findRemembered(query.consumer, ids)
  return candidates.filter(({ messageId }) => !waiting.has(messageId) && !remembered.has(messageId))
}

async function neverNoted(
  { producer }: MinuteToLookAt,
  candidates: readonly string[],
): Promise<readonly string[]> {
  if (candidates.length === 0) return []
  const noted = await producer.findNoted(candidates)
  return candidates.filter((id) => !noted.has(id))
}
