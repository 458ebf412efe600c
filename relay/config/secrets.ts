const HIDDEN = '***'
const SECRET_PARAMETER = /((?:^|[?&\s])(?:[a-z]*password|[a-z]*secret|token)=)[^&\s"']+/gi
/**
 * Greedy, since a password with an unescaped @ must not leave its tail behind. The word `password` itself stands in
 * our own examples.
 */
const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/:@]*):(?!password@)([^\s"']*)@/gi

/** `text` with the passwords of all URLs in it hidden; users, hosts and the rest stay, as they help. */
export function hideUrlPasswords(text: string): string {
  return text.replace(USER_INFO, `$1$2:${HIDDEN}@`).replace(SECRET_PARAMETER, `$1${HIDDEN}`)
}

/** A secret value as it may be shown: URLs without their passwords, of anything else only the length. */
export function showSecret(value: string): string {
  const words = value.split(/\s+/)
  return words.every((word) => word.includes('://')) ? words.map(showUrl).join(' ') : showUrl(value)
}

function showUrl(value: string): string {
  const hidden = `(hidden, ${value.length} characters)`
  // Without `//` there is no user part: `user:password@host` has the scheme `user` and the rest as it stands.
  if (!URL.canParse(value) || !value.includes('://')) return hidden
  const url = new URL(value)
  if (url.hash !== '') return hidden
  if (url.password !== '') url.password = HIDDEN
  return hideUrlPasswords(url.href)
}

/** Hides given secrets wherever they stand in a text. */
export type Redact = (text: string) => string

/**
 * Drivers put into their errors what they were given. This hides the passwords of these URLs, plain and
 * percent-encoded, and of any other URL.
 */
export function createRedact(urls: readonly string[]): Redact {
  const secrets = urls.flatMap(passwordsOf)
  return (text) => {
    let shown = hideUrlPasswords(text)
    for (const secret of secrets) shown = shown.replaceAll(secret, HIDDEN)
    return shown
  }
}

/** One that learns further URLs while the process runs. */
export function growingRedact(urls: readonly string[]): {
  readonly redact: Redact
  readonly hide: (url: string) => void
} {
  const known = new Set(urls)
  let redact = createRedact([...known])
  return {
    redact: (text) => redact(text),
    hide(url) {
      if (known.has(url)) return
      known.add(url)
      redact = createRedact([...known])
    },
  }
}

/** Passwords so short that they are part of common words would make logs unreadable and are not worth hiding. */
const SHORTEST_SECRET = 4

function passwordsOf(text: string): string[] {
  if (!URL.canParse(text)) return []
  const { password, searchParams } = new URL(text)
  const found = new Set([password, decoded(password)])
  for (const [name, value] of searchParams) if (/password|secret|token/i.test(name)) found.add(value)
  return [...found].filter((secret) => secret.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A lone % is a character like any other then; the text as it stands is hidden anyway.
    return text
  }
}
