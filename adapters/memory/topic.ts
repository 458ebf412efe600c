/** Whether a topic exchange takes `routingKey` to a queue bound with `pattern`: `*` is one word, `#` any number. */
export function topicMatches(pattern: string, routingKey: string): boolean {
  return wordsMatch(pattern.split('.'), routingKey === '' ? [] : routingKey.split('.'))
}

function wordsMatch(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return words.length === 0
  if (first === '#')
    return words.some((_, skipped) => wordsMatch(rest, words.slice(skipped))) || wordsMatch(rest, [])
  const [word, ...following] = words
  return word !== undefined && (first === '*' || first === word) && wordsMatch(rest, following)
}
