/** `unchecked`: it could not be looked at, which is said rather than passed over. */
export type Severity = 'ok' | 'unchecked' | 'warning' | 'error'

/** What was seen of one thing. */
export interface Verdict {
  readonly severity: Severity
  readonly seen: string
}

/** One thing that the doctor looks at; docs/doctor.md lists all of them. */
export interface Check<Facts> {
  /** Stable: people and scripts go by it. */
  readonly code: string
  /** What is wanted, as a sentence. */
  readonly wanted: string
  /** What to do when it is otherwise. */
  readonly remedy: string
  /** What it is at worst. */
  readonly worst: 'warning' | 'error'
  /** Never throws; facts are gathered before. One verdict for each thing that is not as wanted, or one for all. */
  look(facts: Facts): Verdict | readonly Verdict[]
}

/** A verdict together with what the check says about it. */
export interface Finding extends Verdict {
  readonly code: string
  readonly wanted: string
  readonly remedy: string
}

export function ok(seen: string): Verdict {
  return { severity: 'ok', seen }
}

export function unchecked(seen: string): Verdict {
  return { severity: 'unchecked', seen }
}

export function warning(seen: string): Verdict {
  return { severity: 'warning', seen }
}

export function error(seen: string): Verdict {
  return { severity: 'error', seen }
}

/** The findings of some checks on the same facts. */
export function findings<Facts>(checks: readonly Check<Facts>[], facts: Facts): Finding[] {
  return checks.flatMap((check) => {
    const looked = check.look(facts)
    const verdicts = Array.isArray(looked) ? (looked as readonly Verdict[]) : [looked as Verdict]
    return verdicts.map((verdict) => findingOf(check, verdict))
  })
}

export function findingOf({ code, wanted, remedy }: Omit<Check<never>, 'look'>, verdict: Verdict): Finding {
  return { code, ...verdict, wanted, remedy }
}
