/** A record in the line of its key. */
export interface InLine<Item> {
  readonly key: string | null
  stage: string
  next: Item | null
}

/**
 * Strict order: of each key at most one record is on its way, and the next one may go when that one has
 * been confirmed. Records whose stage is `gone` have left the line.
 */
export interface KeyOrder<Item extends InLine<Item>> {
  /** @returns whether it may go at once; otherwise it waits for {@link advance}. */
  join(item: Item): boolean
  /** `item` was at the head of its line and leaves it. @returns the one that may go now. */
  advance(item: Item): Item | null
  /** Whether a record of this key is in line. */
  has(key: string): boolean
  /** Takes the whole line of a key out. */
  forget(key: string): void
}

export function createKeyOrder<Item extends InLine<Item>>(): KeyOrder<Item> {
  const tails = new Map<string, Item>()
  return {
    join(item) {
      if (item.key === null) return true
      const tail = tails.get(item.key)
      tails.set(item.key, item)
      if (tail === undefined) return true
      tail.next = item
      return false
    },
    advance(item) {
      if (item.key === null) return null
      let next = item.next
      item.next = null
      while (next?.stage === 'gone') next = next.next
      if (next === null) tails.delete(item.key)
      return next
    },
    has: (key) => tails.has(key),
    forget(key) {
      tails.delete(key)
    },
  }
}
