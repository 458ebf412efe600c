/** One running instance of a consumer in mode `key`. */
export interface PartitionMember {
  /** Chosen anew for each life: with a lost lease it ends. */
  readonly instanceId: string
  readonly consumer: string
  readonly host: string
}

/** What all instances of a consumer must agree on, as their order rests on it. */
export interface PartitionPlan {
  readonly queue: string
  readonly partitions: number
  /** What the broker sends ahead for each partition. */
  readonly prefetch: number
}

/** A partition that an instance consumes. The epoch grows with each change of owner. */
export interface PartitionClaim {
  readonly partition: number
  readonly epoch: number
}

export interface PartitionShare {
  readonly owned: readonly PartitionClaim[]
  /** How many this instance is to have: all divided by those that live, the remainder to those that came first. */
  readonly fair: number
}

/**
 * Port: how the instances of a consumer share its partitions. Each call is one transaction of its own; all expiry is
 * decided by the database clock.
 */
export interface PartitionStore {
  /**
   * Puts the instance on the list of its consumer, if it agrees with the plan in force, which the first instance makes. The
   * prefetch in force is never lowered, and raised only while nobody else runs: messages that came back would lose
   * their order if there were more of them than the next owner is sent at once.
   *
   * @returns the plan in force. With another queue or number of partitions the instance is not on the list.
   */
  join(member: PartitionMember, plan: PartitionPlan, leaseMs: number): Promise<PartitionPlan>
  /**
   * Prolongs the instance's lease and claims free partitions up to its fair share, each with a new epoch.
   * @returns null when the lease had expired or was taken away: its partitions are others' now.
   */
  share(member: PartitionMember, leaseMs: number): Promise<PartitionShare | null>
  /** Gives partitions back. What has changed hands since it was claimed is left alone. */
  release(member: PartitionMember, claims: readonly PartitionClaim[]): Promise<void>
  /** Gives all back and takes the instance off the list. */
  leave(member: PartitionMember): Promise<void>
}
