import { WaybillError } from '../../src/index.ts'
import { hideUrlPasswords } from './secrets.ts'

/** One thing that is wrong with the environment. */
export interface ConfigProblem {
  readonly variable: string
  /** As it may be shown; null when there is none. */
  readonly value: string | null
  /** Completes "WAYBILL_X=value …". */
  readonly problem: string
  readonly wanted: string | null
  readonly remedy: string
}

/** All problems as one error: who has three of them need not start three times. */
export function configurationError(problems: readonly ConfigProblem[]): WaybillError {
  const count = problems.length === 1 ? 'One thing is' : `${problems.length} things are`
  return new WaybillError('WAYBILL_CONFIGURATION_INVALID', {
    problem: `${count} wrong with the configuration:${problems.map(line).join('')}`,
  })
}

function line({ variable, value, problem, wanted, remedy }: ConfigProblem): string {
  const name = value === null ? variable : `${variable}=${hideUrlPasswords(value)}`
  return `\n  ${name} ${problem}.${wanted === null ? '' : ` Wanted: ${wanted}.`} ${remedy}`
}
