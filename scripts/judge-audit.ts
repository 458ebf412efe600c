/** What an audit of the dependencies has come to. */
export type AuditResult =
  | { readonly kind: 'sound'; readonly dependencies: number; readonly lesser: number }
  | { readonly kind: 'advisories'; readonly names: readonly string[] }
  | { readonly kind: 'not audited'; readonly why: string }

/** Levels that fail the gate. */
const SEVERE: ReadonlySet<unknown> = new Set(['high', 'critical'])

interface Report {
  readonly auditReportVersion?: unknown
  readonly message?: unknown
  readonly error?: { readonly code?: unknown; readonly summary?: unknown }
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity?: unknown; readonly via?: unknown }>>
  readonly metadata?: { readonly dependencies?: { readonly total?: number } }
}

/**
 * Sorts what `npm audit --json` has printed. Its exit code does not tell an advisory from a registry that does not answer, and
 * only a report with a version is one: anything else is no audit, whatever it is.
 */
export function judgeAudit(printed: string): AuditResult {
  const report = parse(printed)
  if (report?.auditReportVersion === undefined || report.vulnerabilities === undefined) {
    return { kind: 'not audited', why: whyNot(report) }
  }
  const found = Object.entries(report.vulnerabilities)
  const names = found
    .filter(([, { severity }]) => SEVERE.has(severity))
    .map(([name, { severity, via }]) => `${name} (${String(severity)})${titles(via)}`)
  if (names.length > 0) return { kind: 'advisories', names }
  return { kind: 'sound', dependencies: report.metadata?.dependencies?.total ?? 0, lesser: found.length }
}

function parse(printed: string): Report | null {
  try {
    const value: unknown = JSON.parse(printed)
    return typeof value === 'object' ? value : null
  } catch {
    // A proxy's page, or nothing.
    return null
  }
}

function whyNot(report: Report | null): string {
  const said = [report?.message, report?.error?.summary, report?.error?.code]
  return (
    said.find((each): each is string => typeof each === 'string' && each !== '') ?? 'npm printed no report.'
  )
}

function titles(via: unknown): string {
  if (!Array.isArray(via)) return ''
  const all = via.flatMap((each: unknown) =>
    typeof each === 'object' && each !== null && 'title' in each ? [String(each.title)] : [],
  )
  return all.length === 0 ? '' : `: ${all.join('; ')}`
}
