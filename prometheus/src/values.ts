/** A duration as Prometheus writes it. */
export type Duration = `${number}${'s' | 'm' | 'h' | 'd'}`

/** One alert on a budget: it fires when it burns that much faster than it may, both lately and for some time. */
export interface Burn {
  readonly factor: number
  readonly short: Duration
  readonly long: Duration
}

/** Every threshold of every rule. */
export interface Values {
  /** Where the pages of docs/runbooks are read. */
  readonly runbooks: string
  /** How often rules are evaluated. */
  readonly interval: Duration
  /** Which targets are ours: a regular expression for the label `job`. */
  readonly jobs: string
  /** How long somebody who no longer reports is known to have been there. */
  readonly knownFor: Duration
  /** How long the last sample counts while another relay takes the counting over. */
  readonly sampleLasts: Duration
  readonly objectives: {
    /** A message that waits longer than so many seconds is stale. */
    readonly freshSeconds: number
    /** The part of the time in which nothing may be stale. */
    readonly fresh: number
    /** A message is delivered in time within so many seconds: an upper bound of the buckets `latency`. */
    readonly deliverySeconds: number
    /** The part of the messages that is to be delivered in time. */
    readonly delivery: number
    /** Fewer messages a second than this say nothing about the part. */
    readonly deliveryRate: number
    /** The windows in which budgets are looked at. */
    readonly windows: readonly Duration[]
    readonly fast: Burn
    readonly slow: Burn
    readonly lasting: Burn
  }
  /** The range of `rate` and `increase` where only what happens now counts. */
  readonly now: Duration
  /** The range in which single events are reported. */
  readonly lately: Duration
  readonly wait: {
    /** What is so serious that one more look is enough. */
    readonly short: Duration
    /** What may be over by itself, as during a deployment. */
    readonly usual: Duration
    readonly long: Duration
    readonly longer: Duration
  }
  readonly relay: {
    /** Seconds without a turn of its loops after which a relay counts as gone. */
    readonly silentSeconds: number
    readonly stalledSeconds: number
    readonly backlog: number
    readonly exhausting: number
    readonly exhaustingSeconds: number
    readonly leaseChanges: number
    readonly failureRatio: number
    readonly confirmSeconds: number
    readonly sampleSeconds: number
  }
  readonly consumers: {
    readonly failureRatio: number
    readonly duplicateRatio: number
    readonly growth: number
    readonly deadSeconds: number
    readonly failedAgain: number
    readonly clockSkew: number
  }
  readonly storage: {
    readonly deadTuples: number
    readonly deadPerLive: number
    readonly transactionSeconds: number
    readonly cleanupSeconds: number
    readonly cleanupWait: Duration
  }
  readonly admin: { readonly errorRatio: number }
}

const SECONDS = { minute: 60, hour: 3600, day: 86_400 }

/** What the committed rules are made of. */
export const VALUES: Values = {
  runbooks: 'https://waybill.example/docs/runbooks',
  interval: '30s',
  jobs: 'waybill-.*',
  knownFor: '6h',
  sampleLasts: '1m',
  objectives: {
    freshSeconds: SECONDS.minute,
    fresh: 0.999,
    deliverySeconds: 5,
    delivery: 0.99,
    deliveryRate: 0.1,
    windows: ['5m', '30m', '1h', '6h', '3d'],
    // Of the monthly budget: 2 % in an hour, 5 % in six hours, 10 % in three days.
    fast: { factor: 14.4, short: '5m', long: '1h' },
    slow: { factor: 6, short: '30m', long: '6h' },
    lasting: { factor: 1, short: '6h', long: '3d' },
  },
  now: '5m',
  lately: '15m',
  wait: { short: '1m', usual: '2m', long: '10m', longer: '30m' },
  relay: {
    silentSeconds: 2 * SECONDS.minute,
    stalledSeconds: SECONDS.minute,
    backlog: 10_000,
    exhausting: 1_000_000,
    exhaustingSeconds: SECONDS.hour,
    // A deployment of two relays is 64 of them: each lane is released and acquired, by both.
    leaseChanges: 200,
    failureRatio: 0.05,
    confirmSeconds: 2,
    sampleSeconds: 2 * SECONDS.minute,
  },
  consumers: {
    failureRatio: 0.1,
    duplicateRatio: 0.05,
    growth: 50,
    deadSeconds: SECONDS.day,
    failedAgain: 10,
    clockSkew: 10,
  },
  storage: {
    deadTuples: 100_000,
    deadPerLive: 5,
    transactionSeconds: 30 * SECONDS.minute,
    cleanupSeconds: SECONDS.day,
    cleanupWait: '1h',
  },
  admin: { errorRatio: 0.05 },
}
