import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { applyMutation } from '../mutations/mutant.ts'
import { MUTATIONS } from '../mutations/mutations.ts'
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts'

describe('the fuzz and the tests of positions see', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(async () => {
    await server.stop()
  })

  it.each(MUTATIONS)('$name: $breaks', async (mutation) => {
    await using mutant = await applyMutation(mutation)
    const verdict = await mutant.prove(server.url)
    expect(verdict.caught, verdict.evidence).toBe(true)
  })
})
