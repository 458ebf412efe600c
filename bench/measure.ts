/** One line of the result table. */
export interface Row {
  readonly bench: string
  readonly variant: string
  readonly value: number
  readonly unit: string
  /** The value of the raw program that this variant is held against, measured in the same run. */
  readonly limit: number
  readonly ratio: number
}

export interface Variant {
  readonly name: string
  /** One measured run; returns the value, such as messages per second. */
  run(): Promise<number>
}

export interface Comparison {
  readonly bench: string
  readonly unit: string
  readonly rounds: number
  /** The first one is the raw program that the others are held against. */
  readonly variants: readonly [Variant, ...Variant[]]
}

/**
 * Runs all variants in turn, several rounds, the order reversed in every second one, after a round that does
 * not count. Rates on a shared machine move by half between minutes: the ratio is the median of the ratios
 * within each round.
 */
export async function compare({ bench, unit, rounds, variants }: Comparison): Promise<Row[]> {
  const values = new Map(variants.map(({ name }) => [name, [] as number[]]))
  for (let round = 0; round <= rounds; round += 1) {
    const order = round % 2 === 0 ? variants : [...variants].reverse()
    for (const variant of order) {
      const value = await variant.run()
      if (round > 0) values.get(variant.name)?.push(value)
      progress(
        `${bench} ${round === 0 ? 'warm-up' : `round ${String(round)}`}  ${variant.name}: ${value.toFixed(2)} ${unit}`,
      )
    }
  }
  const raw = values.get(variants[0].name) ?? []
  return variants.map(({ name }) => {
    const own = values.get(name) ?? []
    const ratios = own.map((value, index) => value / (raw[index] ?? Number.NaN))
    return { bench, variant: name, value: median(own), unit, limit: median(raw), ratio: median(ratios) }
  })
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** To standard error, so that the last line of the output stays the result. */
const progress = (line: string): void => void process.stderr.write(`${line}\n`)
