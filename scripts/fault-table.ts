/** A scenario of `test/faults`; its title begins with the numbers of the faults that it shows. */
export interface FaultScenario {
  readonly file: string
  readonly name: string
  readonly numbers: readonly string[]
}

/** A line of docs/faults.md that has numbers. */
export interface FaultRow {
  readonly line: string
  readonly numbers: readonly string[]
  readonly promised: string
  /** Paths, with braces taken apart. */
  readonly tests: readonly string[]
}

const NUMBERS = /^[PCDT]?\d+(, [PCDT]?\d+)*/
const TITLE = /scenario\(\s*(['`])(.*?)\1/gs

/** One that is made for each mode stands for both. */
export function scenariosIn(file: string, text: string): FaultScenario[] {
  const names = [...text.matchAll(TITLE)].map(([, , name = '']) => name)
  return names
    .flatMap((name) =>
      name.includes('${mode}') ? ['key', 'unordered'].map((mode) => name.replace('${mode}', mode)) : [name],
    )
    .map((name) => ({ file, name, numbers: NUMBERS.exec(name)?.[0].split(', ') ?? [] }))
}

export function faultRows(page: string): FaultRow[] {
  return page.split('\n').flatMap((line) => {
    const [, numbers = '', , promised = '', tests = ''] = line.split('|').map((cell) => cell.trim())
    if (NUMBERS.exec(numbers)?.[0] !== numbers) return []
    return [{ line, numbers: numbers.split(', '), promised, tests: pathsIn(tests) }]
  })
}

function pathsIn(cell: string): string[] {
  return [...cell.matchAll(/`((?:test|testing|bench)\/[^`]+)`/g)].flatMap(([, path = '']) => {
    const [, before = path, among, after = ''] = /^(.*)\{(.*)\}(.*)$/.exec(path) ?? []
    return (among ?? '').split(',').map((part) => `${before}${part}${after}`)
  })
}
