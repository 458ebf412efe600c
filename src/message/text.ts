/** What keeps a text from being carried exactly; null when nothing does. */
export type TextFault =
  'holds an unpaired surrogate' | 'holds the character U+0000' | 'holds a control character'

/**
 * PostgreSQL text cannot hold U+0000, and half of a UTF-16 pair on its own has no UTF-8 form (RFC 3629 section 3).
 */
export function textFault(text: string): TextFault | null {
  if (text.includes('\u0000')) return 'holds the character U+0000'
  return text.isWellFormed() ? null : 'holds an unpaired surrogate'
}

/** For names that show up in logs, consoles and command lines. */
export function nameFault(text: string): TextFault | null {
  return textFault(text) ?? (/\p{Cc}/u.test(text) ? 'holds a control character' : null)
}

export function utf8Length(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}

const SHOWN_CHARACTERS = 60

/** `text` in quotes, shortened, fit for an error. */
export function quote(text: string): string {
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
  return JSON.stringify(shown)
}

/** How the sentence of an error begins that is about a message of this type. */
export function named(type: string): string {
  return `Message ${quote(type)}`
}

/** What `value` is, in a word or two, without showing what it holds. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (value === undefined) return 'undefined'
  if (typeof value === 'object') return 'an object'
  return `a ${typeof value}`
}
