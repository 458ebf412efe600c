import { textOf } from './repository.ts'

/** A tag that says which release: `latest` and `20` mean another image tomorrow. */
export const PINNED = /^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?$/

/** What follows each instruction of a name, lines that go on joined. */
export type Dockerfile = (name: string) => string[]

export function dockerfile(file: string): Dockerfile {
  const instructions = textOf(file)
    .replaceAll(/^#.*$/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => ({ name: line.trim().split(/\s/)[0]!, rest: line.trim().replace(/^\S+\s+/, '') }))
  return (name) => instructions.filter((instruction) => instruction.name === name).map(({ rest }) => rest)
}

/** The paths that it takes out of the repository. */
export function copiedBy(given: Dockerfile): string[] {
  return given('COPY')
    .filter((rest) => !rest.startsWith('--from'))
    .flatMap((rest) => rest.split(/\s+/).slice(0, -1))
}
