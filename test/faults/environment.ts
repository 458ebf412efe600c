/** What the processes of a scenario are given beside what the product knows; each has a default. */
export interface ProcessEnvironment {
  readonly seed: string
  /** The longest wait of a writer between two transactions. */
  readonly paceMs: number
  /** Of a hundred messages, how many are not simply handled. */
  readonly acts: number
  /** Of those. */
  readonly kinds: readonly ('fail' | 'never' | 'crash' | 'hang')[]
  readonly consumer: string
  readonly mode: 'key' | 'unordered'
  readonly concurrency: number
  readonly prefetch: number
  readonly holdMaxMs: number
}

const DEFAULTS: ProcessEnvironment = {
  seed: 'faults',
  paceMs: 40,
  acts: 0,
  kinds: ['fail', 'never', 'crash', 'hang'],
  consumer: 'ledger',
  mode: 'key',
  concurrency: 4,
  prefetch: 50,
  holdMaxMs: 60_000,
}

const NAME = 'FAULTS_PROCESS'

export const toVariables = (given: Partial<ProcessEnvironment>): Readonly<Record<string, string>> => ({
  [NAME]: JSON.stringify({ ...DEFAULTS, ...given }),
})

export const readEnvironment = (): ProcessEnvironment => ({
  ...DEFAULTS,
  ...(JSON.parse(process.env[NAME] ?? '{}') as Partial<ProcessEnvironment>),
})
