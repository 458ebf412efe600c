/** What can be told of a thrown value without trusting it. */
export interface InspectedError {
  /** Its name, and its code if it has one: `DatabaseError 23505`. */
  readonly type: string
  readonly message: string
  /** The lines of its stack, without what the error says. Null when it has none. */
  readonly frames: string | null
  /** What it was caused by, or gathers. */
  readonly causes: readonly unknown[]
}

const TYPE_CHARACTERS = 100
/** Beyond this a text is not even looked at: somebody has put a body into it. */
const TEXT_CHARACTERS = 64 * 1024
const GATHERED_MAX = 3
const CODE = /^[A-Z0-9_]{2,40}$/

/** Reads a thrown value, whatever it is. Never throws. */
export function inspectError(thrown: unknown): InspectedError {
  if (typeof thrown !== 'object' || thrown === null) {
    const type = thrown === null ? 'null' : typeof thrown
    return { type, message: String(thrown).slice(0, TEXT_CHARACTERS), frames: null, causes: [] }
  }
  const message = textOf(thrown, 'message')
  return {
    type: typeOf(thrown),
    message: (message ?? 'What was thrown says nothing.').slice(0, TEXT_CHARACTERS),
    frames: framesOf(textOf(thrown, 'stack'), message),
    causes: causesOf(thrown),
  }
}

function typeOf(thrown: object): string {
  const name = textOf(thrown, 'name')
  const isTelling = name !== null && name !== '' && name.toLowerCase() !== 'error'
  const type = isTelling ? name : (classOf(thrown) ?? name ?? 'object')
  const code = textOf(thrown, 'code')
  const shown = type.slice(0, TYPE_CHARACTERS)
  return code !== null && CODE.test(code) ? `${shown} ${code}` : shown
}

function classOf(thrown: object): string | null {
  const made = partOf(thrown, 'constructor')
  const name = typeof made === 'function' ? textOf(made, 'name') : null
  return name === '' ? null : name
}

/** What the error says stands before its frames, and may hold lines that look like some. */
function framesOf(stack: string | null, message: string | null): string | null {
  if (stack === null) return null
  const said = message === null || message === '' ? -1 : stack.indexOf(message)
  const after = said === -1 ? stack : stack.slice(said + (message ?? '').length)
  const lines = after.slice(0, TEXT_CHARACTERS).split('\n')
  const frames = lines.filter((line) => line.trimStart().startsWith('at '))
  return frames.length === 0 ? null : frames.join('\n')
}

function causesOf(thrown: object): readonly unknown[] {
  const cause = partOf(thrown, 'cause')
  const causes: unknown[] = cause === undefined || cause === null ? [] : [cause]
  const gathered = partOf(thrown, 'errors')
  try {
    if (Array.isArray(gathered)) causes.push(...(gathered.slice(0, GATHERED_MAX) as unknown[]))
  } catch {
    // A proxy may refuse to be asked; what it gathers is left out.
  }
  return causes
}

function textOf(thrown: object, name: string): string | null {
  const part = partOf(thrown, name)
  return typeof part === 'string' ? part : null
}

function partOf(thrown: object, name: string): unknown {
  try {
    return (thrown as Readonly<Record<string, unknown>>)[name]
  } catch {
    // A getter or a proxy may throw; the part is then as good as absent.
    return undefined
  }
}
