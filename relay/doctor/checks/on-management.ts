import { unchecked, type Verdict } from '../check.ts'
import type { ManagedFacts } from '../facts.ts'

type Management = Extract<NonNullable<ManagedFacts['management']>, { readonly kind: 'answer' }>['value']

/** A look at what only the management API tells. */
export function onManagement(
  look: (management: Management, facts: ManagedFacts) => Verdict | readonly Verdict[],
): (facts: ManagedFacts) => Verdict | readonly Verdict[] {
  return (facts) => {
    const { management } = facts
    if (management === null)
      return unchecked('Not checked: needs the management API, WAYBILL_MANAGEMENT_URL.')
    return management.kind === 'answer' ? look(management.value, facts) : unchecked(management.reason)
  }
}
