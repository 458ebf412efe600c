import type { CrowdedKey } from '../../src/ports.ts'

/** Which crowds were told of, so that none is told of every time. */
export interface Crowds {
  /** @returns those to tell of: new ones, and those that have doubled since. */
  news(crowded: readonly CrowdedKey[]): readonly CrowdedKey[]
}

export function createCrowds(): Crowds {
  let told = new Map<string, number>()
  return {
    news(crowded) {
      const before = told
      const news = crowded.filter(({ messageId, records }) => records >= 2 * (before.get(messageId) ?? 0))
      told = new Map(
        crowded.map((one) => [
          one.messageId,
          news.includes(one) ? one.records : (before.get(one.messageId) ?? 0),
        ]),
      )
      return news
    },
  }
}
