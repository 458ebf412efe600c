/** A record in the line of its key. */
export interface InLine<Item> {
  readonly key: string | null
  readonly exchange: string
  stage: string
  next: Item | null
}

/**
 * Which records of a key may be on their way at the same time. Those whose stage is `gone` have left the line.
 *
 * - strict: one. The next one goes when it has been confirmed, and so never overtakes one that was refused or lost.
 * - pipelined: all that go to the same exchange, whose channel keeps them in order as long as none is refused or lost.
 */
export interface KeyOrder<Item extends InLine<Item>> {
  /** @returns whether it may go at once; otherwise it waits until {@link advance} brings it. */
  join(item: Item): boolean
  /** `item`, which was allowed to go, leaves its line. @returns those that may go now, in order. */
  advance(item: Item): readonly Item[]
  /** Whether a record of this key is in line. */
  has(key: string): boolean
  /** Takes the whole line of a key out. */
  forget(key: string): void
}

const NONE: readonly never[] = []

export function createStrictOrder<Item extends InLine<Item>>(): KeyOrder<Item> {
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
      if (item.key === null) return NONE
      const next = firstPresent(item.next)
      item.next = null
      if (next !== null) return [next]
      tails.delete(item.key)
      return NONE
    },
    has: (key) => tails.has(key),
    forget(key) {
      tails.delete(key)
    },
  }
}

interface Line<Item> {
  /** Where those are going that are allowed to. */
  exchange: string
  going: number
  /** Those that go elsewhere and wait for all before them, and those behind. */
  first: Item | null
  last: Item | null
}

export function createPipelinedOrder<Item extends InLine<Item>>(): KeyOrder<Item> {
  const lines = new Map<string, Line<Item>>()
  return {
    join(item) {
      if (item.key === null) return true
      const line = lines.get(item.key)
      if (line === undefined) {
        lines.set(item.key, { exchange: item.exchange, going: 1, first: null, last: null })
        return true
      }
      line.first = firstPresent(line.first)
      if (line.first === null && line.exchange === item.exchange) {
        line.going += 1
        return true
      }
      if (line.first === null || line.last === null) line.first = item
      else line.last.next = item
      line.last = item
      return false
    },
    advance(item) {
      const line = item.key === null ? undefined : lines.get(item.key)
      if (item.key === null || line === undefined) return NONE
      line.going -= 1
      if (line.going > 0) return NONE
      const released = release(line)
      if (released.length === 0) lines.delete(item.key)
      return released
    },
    has: (key) => lines.has(key),
    forget(key) {
      lines.delete(key)
    },
  }
}

/** The first one that waits, and those right behind it that go to the same exchange. */
function release<Item extends InLine<Item>>(line: Line<Item>): Item[] {
  const released: Item[] = []
  for (let item = firstPresent(line.first); item !== null; item = line.first) {
    if (released.length === 0) line.exchange = item.exchange
    else if (item.exchange !== line.exchange) break
    released.push(item)
    line.first = firstPresent(item.next)
    item.next = null
  }
  line.going = released.length
  return released
}

function firstPresent<Item extends InLine<Item>>(item: Item | null): Item | null {
  let present = item
  while (present?.stage === 'gone') present = present.next
  return present
}
