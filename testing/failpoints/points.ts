import { WaybillError } from '../../src/ports.ts'
import type { ArmOptions, Failpoint, FailpointName, FailpointOptions, Seen } from './failpoint.ts'

/** What is armed, as the seams ask for it. */
export interface Points {
  arm<Name extends FailpointName>(name: Name, ...options: ArmOptions<Name>): Failpoint
  /** Lets a failpoint happen if one is armed that fits, and counts it. */
  take<Name extends FailpointName>(name: Name, seen: Seen[Name]): Taken<Name> | null
  isArmed(name: FailpointName): boolean
  /** @returns a function that ends the listening. */
  onChange(listener: () => void): () => void
  disarm(): void
  assertFired(): void
}

/** A failpoint that happens now. */
export interface Taken<Name extends FailpointName> {
  readonly options: FailpointOptions[Name]
  /** It could not happen after all. */
  giveBack(): void
}

interface Armed {
  readonly name: FailpointName
  readonly options: Readonly<Record<string, unknown>>
  readonly times: number
  fired: number
  disarmed: boolean
}

type Where = 'database' | 'transport'

/** Where each is built in, and how often it happens unless the test says otherwise. */
const KNOWN: Readonly<Record<FailpointName, { readonly seam: Where; readonly times: number }>> = {
  'crash-before-commit': { seam: 'database', times: 1 },
  'crash-after-commit': { seam: 'database', times: 1 },
  'lost-commit-answer': { seam: 'database', times: 1 },
  'slow-database': { seam: 'database', times: Infinity },
  'database-unavailable': { seam: 'database', times: Infinity },
  'lost-confirm': { seam: 'transport', times: 1 },
  'duplicate-delivery': { seam: 'transport', times: 1 },
  'blocked-broker': { seam: 'transport', times: Infinity },
  'broker-unavailable': { seam: 'transport', times: Infinity },
}

/** @param wrapped whether something was wrapped that has the seam */
export function createPoints(wrapped: (seam: Where) => boolean): Points {
  const all: Armed[] = []
  const listeners = new Set<() => void>()
  const changed = (): void => {
    for (const listener of [...listeners]) listener()
  }
  const disarm = (which: readonly Armed[]): void => {
    for (const armed of which) armed.disarmed = true
    changed()
  }
  return {
    arm(name, ...[options = {}]) {
      const armed = checked(name, options)
      all.push(armed)
      changed()
      return {
        name,
        get fired() {
          return armed.fired
        },
        get armed() {
          return isLive(armed)
        },
        disarm: () => {
          disarm([armed])
        },
        [Symbol.dispose]: () => {
          disarm([armed])
        },
        assertFired: () => {
          assertFired([armed], wrapped)
        },
      }
    },
    take(name, seen) {
      const armed = all.find((each) => each.name === name && isLive(each) && fits(each, seen))
      if (armed === undefined) return null
      armed.fired += 1
      return {
        // They were armed under this name.
        options: armed.options as unknown as FailpointOptions[typeof name],
        giveBack: () => {
          armed.fired -= 1
        },
      }
    },
    isArmed: (name) => all.some((each) => each.name === name && isLive(each)),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    disarm: () => {
      disarm(all)
    },
    assertFired: () => {
      assertFired(all, wrapped)
    },
  }
}

function isLive({ disarmed, fired, times }: Armed): boolean {
  return !disarmed && fired < times
}

function fits({ options: { when } }: Armed, seen: unknown): boolean {
  return typeof when === 'function' ? Boolean((when as (seen: unknown) => unknown)(seen)) : true
}

function assertFired(all: readonly Armed[], wrapped: (seam: Where) => boolean): void {
  for (const { name, fired, times } of all) {
    const wanted = Number.isFinite(times) ? times : 1
    if (fired >= wanted) continue
    const { seam } = KNOWN[name]
    const hint = wrapped(seam) ? '' : ` No ${seam} was wrapped: pass on what faults.${seam}(…) returns.`
    const count = wanted === 1 ? 'has not happened' : `has happened ${fired} times and not ${wanted}`
    throw new Error(`Failpoint "${name}" was armed and ${count}.${hint}`)
  }
}

const OPTION_NAMES: Readonly<Record<string, readonly string[]>> = {
  'slow-database': ['times', 'when', 'byMs'],
  'blocked-broker': [],
  'broker-unavailable': [],
}

function checked(name: FailpointName, options: object): Armed {
  if (!Object.hasOwn(KNOWN, name)) {
    refuse(`There is no failpoint "${name}".`, `There are ${Object.keys(KNOWN).join(', ')}.`)
  }
  const given = options as Readonly<Record<string, unknown>>
  const names = OPTION_NAMES[name] ?? ['times', 'when']
  const unknown = Object.keys(given).find((each) => !names.includes(each))
  if (unknown !== undefined) refuse(`Failpoint "${name}" has no option "${unknown}".`)
  const { times = KNOWN[name].times, when, byMs } = given
  if (typeof times !== 'number' || !(times === Infinity || (Number.isSafeInteger(times) && times > 0))) {
    refuse(`Option times of failpoint "${name}" is ${String(times)}.`, 'Wanted is a whole number from 1.')
  }
  if (when !== undefined && typeof when !== 'function') {
    refuse(`Option when of failpoint "${name}" is no function.`)
  }
  if (name === 'slow-database' && !(typeof byMs === 'number' && byMs >= 0 && Number.isFinite(byMs))) {
    refuse(`Option byMs of failpoint "${name}" is ${String(byMs)}.`, 'Wanted are milliseconds.')
  }
  return { name, options: given, times, fired: 0, disarmed: false }
}

function refuse(problem: string, wanted?: string): never {
  throw new WaybillError('WAYBILL_OPTION_INVALID', {
    problem,
    ...(wanted === undefined ? {} : { wanted }),
  })
}
