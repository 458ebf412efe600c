import { unchecked, type Verdict } from '../check.ts'
import type { TrafficFacts, WaitingFacts } from '../facts.ts'

/** A look at what the tables hold, for as far as this role may. */
export function onContents(
  look: (waiting: WaitingFacts) => Verdict,
): (facts: Pick<TrafficFacts, 'contents'>) => Verdict {
  return ({ contents }) => (contents.kind === 'answer' ? look(contents.value) : unchecked(contents.reason))
}
