import { error, ok, type Check } from '../check.ts'
import type { ManagedFacts } from '../facts.ts'
import { onManagement } from './on-management.ts'
import { ownQueues } from './own-queues.ts'

/** What a policy can set that makes messages disappear. */
const DROPPING = ['message-ttl', 'expires', 'max-length', 'max-length-bytes']

export const queuePolicies: Check<ManagedFacts> = {
  code: 'BROKER_POLICIES',
  wanted: 'No policy that drops or expires messages of consumers, dead letters included.',
  remedy: 'Narrow the pattern of the policy, or take the setting out of it.',
  worst: 'error',
  look: onManagement((management, facts) => {
    const found = ownQueues(management, facts).flatMap(({ name, policy }) => {
      // Queues of consumers refuse what does not fit; their dead letters have no such rule.
      const dropping = Object.keys(policy).filter((setting) => DROPPING.includes(setting))
      return dropping.length === 0 ? [] : [error(`A policy sets ${dropping.join(', ')} for queue "${name}".`)]
    })
    return found.length > 0 ? found : ok('There is none.')
  }),
}
