import { relayStoreFetchContract } from './relay-store-fetch.ts'
import { relayStoreLeaseContract } from './relay-store-leases.ts'
import { relayStoreParkedContract } from './relay-store-parked.ts'
import type { CreateSubject } from './relay-store-reader.ts'
import { relayStoreRecordContract } from './relay-store-records.ts'
import { relayStoreSampleContract } from './relay-store-sample.ts'

/** What every {@link RelayStore} does. `create` is called for each test. */
export function relayStoreContract(create: CreateSubject): void {
  relayStoreLeaseContract(create)
  relayStoreFetchContract(create)
  relayStoreRecordContract(create)
  relayStoreParkedContract(create)
  relayStoreSampleContract(create)
}
