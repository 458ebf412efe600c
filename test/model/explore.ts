/** A system as all its states and what may happen in each. States are plain values, equal when their JSON is. */
export interface Model<State> {
  readonly initial: State
  steps(state: State): Iterable<Step<State>>
  /** The names of the properties that do not hold in this state. */
  broken(state: State): readonly string[]
  /** Everything has come to its end. From each state such a one must be within reach. */
  isDone(state: State): boolean
}

export interface Step<State> {
  readonly name: string
  readonly next: State
}

export interface Explored {
  readonly states: number
  /** For each property that is violated, the shortest way there. `loss`: all that follows never comes to its end. */
  readonly violated: ReadonlyMap<string, readonly string[]>
}

interface Visited {
  readonly from: number
  readonly by: string
  readonly before: number[]
}

/** Visits every state that can be reached, the nearest first. */
export function explore<State>(model: Model<State>, most = 3_000_000): Explored {
  const known = new Map<string, number>([[JSON.stringify(model.initial), 0]])
  const visited: Visited[] = [{ from: -1, by: '', before: [] }]
  const violated = new Map<string, readonly string[]>()
  const done: number[] = []
  let frontier: State[] = [model.initial]
  for (let first = 0; frontier.length > 0; first = visited.length - frontier.length) {
    const next: State[] = []
    for (const [offset, state] of frontier.entries()) {
      const at = first + offset
      for (const name of model.broken(state)) if (!violated.has(name)) violated.set(name, wayTo(visited, at))
      if (model.isDone(state)) done.push(at)
      for (const step of model.steps(state)) visit(step, at, next)
    }
    frontier = next
  }
  const lost = firstLost(visited, done)
  if (lost !== null) violated.set('loss', wayTo(visited, lost))
  return { states: visited.length, violated }

  function visit({ name, next }: Step<State>, from: number, found: State[]): void {
    const text = JSON.stringify(next)
    const at = known.get(text)
    if (at !== undefined) {
      visited[at]?.before.push(from)
      return
    }
    if (visited.length >= most) throw new Error(`There are more than ${String(most)} states.`)
    known.set(text, visited.length)
    visited.push({ from, by: name, before: [from] })
    found.push(next)
  }
}

function wayTo(visited: readonly Visited[], end: number): readonly string[] {
  const way: string[] = []
  for (let at = end; at > 0; at = visited[at]?.from ?? 0) way.push(visited[at]?.by ?? '')
  return way.reverse()
}

/** The nearest state from which none of those that are done can be reached. */
function firstLost(visited: readonly Visited[], done: readonly number[]): number | null {
  const good = new Uint8Array(visited.length)
  const open = [...done]
  for (const at of open) good[at] = 1
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const before of visited[at]?.before ?? []) {
      if (good[before] === 1) continue
      good[before] = 1
      open.push(before)
    }
  }
  const lost = good.indexOf(0)
  return lost === -1 ? null : lost
}
