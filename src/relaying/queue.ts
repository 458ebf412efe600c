/** First in, first out, without moving elements around. */
export interface Queue<Item> {
  push(item: Item): void
  peek(): Item | undefined
  shift(): Item | undefined
  clear(): void
}

const COMPACT_AT = 1024

export function createQueue<Item>(): Queue<Item> {
  let items: (Item | undefined)[] = []
  let head = 0
  return {
    push(item) {
      items.push(item)
    },
    peek: () => items[head],
    shift() {
      const item = items[head]
      if (item === undefined) return undefined
      items[head] = undefined
      head += 1
      if (head === items.length) {
        items.length = 0
        head = 0
      } else if (head >= COMPACT_AT && head * 2 > items.length) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
    clear() {
      items = []
      head = 0
    },
  }
}
