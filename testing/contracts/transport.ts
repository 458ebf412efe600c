import { transportPartitionsContract } from './transport-partitions.ts'
import { transportPublishingContract } from './transport-publishing.ts'
import { transportSubscribingContract } from './transport-subscribing.ts'
import type { TransportContract } from './transport-subject.ts'

/** What every transport must do, whatever the broker. */
export function transportContract(contract: TransportContract): void {
  transportPublishingContract(contract)
  transportSubscribingContract(contract)
  transportPartitionsContract(contract)
}
