import { JSON_DEPTH } from './exact-json.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/**
 * The value of a JSON body, of any sender. A byte order mark is passed over (RFC 8259 section 8.1). Refused is what would be
 * read as something else than was sent: invalid UTF-8, an object with two values for one name, a number out of the range of
 * JavaScript or a whole number that it would round; and what lies deeper than validators can follow.
 *
 * @throws Error that says what is wrong and where.
 */
export function parseExactJson(body: Buffer): unknown {
  let text: string
  try {
    text = utf8.decode(body)
  } catch (error) {
    throw new Error('it is not valid UTF-8.', { cause: error })
  }
  const value: unknown = parse(text)
  scan(text)
  return value
}

/** V8 quotes the text in its own error, and payloads do not belong into logs. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(text.trim() === '' ? 'it is empty.' : 'it is not valid JSON.')
  }
}

/** Looks through a text that is known to be valid JSON, without recursion. */
function scan(text: string): void {
  /** For each open container the names seen in it; null for arrays. */
  const open: (Set<string> | null)[] = []
  let at = 0
  while (at < text.length) {
    const char = text[at]
    if (char === '"') at = scanString(text, at, open)
    else if (char === '-' || isDigit(char)) at = scanNumber(text, at)
    else {
      if (char === '{' || char === '[') open.push(char === '{' ? new Set() : null)
      else if (char === '}' || char === ']') open.pop()
      if (open.length > JSON_DEPTH) throw new Error(`it has more than ${String(JSON_DEPTH)} levels.`)
      at += 1
    }
  }
}

/** @returns where the string, with the colon if it is a name, has ended. */
function scanString(text: string, start: number, open: readonly (Set<string> | null)[]): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  const next = skipSpace(text, end + 1)
  if (text[next] !== ':') return end + 1
  const names = open.at(-1)
  const raw = text.slice(start, end + 1)
  const name = raw.includes('\\') ? String(JSON.parse(raw)) : raw.slice(1, -1)
  if (names?.has(name) === true)
    throw new Error(`an object has two values for one name at character ${String(start)}.`)
  names?.add(name)
  return next + 1
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text[quote - 1 - backslashes] === '\\') backslashes += 1
  return backslashes % 2 === 1
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SAFE_DIGITS = 15

function scanNumber(text: string, start: number): number {
  NUMBER.lastIndex = start
  const literal = NUMBER.exec(text)?.[0] ?? ''
  if (literal.length > SAFE_DIGITS || /[eE]/.test(literal)) checkNumber(literal, start)
  return start + literal.length
}

/** A whole number is right if it is exactly the value read, or the shortest text that JavaScript itself writes for it. */
function checkNumber(literal: string, start: number): void {
  const value = Number(literal)
  const exact = /^-?\d+$/.test(literal)
    ? String(value) === literal || (Number.isFinite(value) && BigInt(literal) === BigInt(value))
    : Number.isFinite(value)
  if (!exact) throw new Error(`the number at character ${String(start)} is beyond what JavaScript can hold.`)
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9'
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1
  return at
}
