import { parseArgs } from 'node:util'
import { startPostgres } from '../support/postgres-server.ts'
import { applyMutation } from './mutant.ts'
import { MUTATIONS } from './mutations.ts'

/** Applies each mutation to a copy of the product and demands that the named proof then fails. */
async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true })
  const chosen = MUTATIONS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  if (chosen.length === 0)
    throw new Error(`There is no such mutation. They are: ${MUTATIONS.map(({ name }) => name).join(', ')}`)
  await using server = await startPostgres()
  const missed: string[] = []
  for (const mutation of chosen) {
    const started = performance.now()
    await using mutant = await applyMutation(mutation)
    const verdict = await mutant.prove(server.url)
    const seconds = ((performance.now() - started) / 1_000).toFixed(0)
    console.log(
      `${verdict.caught ? 'caught' : 'MISSED'}  ${mutation.name}  (${seconds} s)  ${verdict.evidence}`,
    )
    if (!verdict.caught) missed.push(mutation.name)
  }
  console.log(`${String(chosen.length - missed.length)} of ${String(chosen.length)} mutations caught`)
  process.exitCode = missed.length === 0 ? 0 : 1
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
