import { makeWorkerUtils, run, runMigrations, Logger } from 'graphile-worker'
import pg from 'pg'
import type { Peer, PeerMessage } from './peer.ts'

const silent = new Logger(() => () => undefined)

/** As its page on performance advises: a local queue, many jobs at a time, completions in batches. */
const FASTEST = {
  concurrentJobs: 500,
  localQueue: { size: 1_000 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
}

const peer: Peer = {
  prepare: ({ databaseUrl }) => runMigrations({ connectionString: databaseUrl, logger: silent }),
  async write({ databaseUrl }, messages) {
    const utils = await makeWorkerUtils({ connectionString: databaseUrl, logger: silent })
    for (let from = 0; from < messages.length; from += 1_000) {
      const jobs = messages.slice(from, from + 1_000).map((payload) => ({ identifier: 'publish', payload }))
      await utils.addJobs(jobs)
    }
    await utils.release()
  },
  async drain({ databaseUrl, publish }, isDone) {
    const runner = await run({
      connectionString: databaseUrl,
      noHandleSignals: true,
      logger: silent,
      preset: { worker: FASTEST },
      taskList: { publish: (payload) => publish(payload as PeerMessage) },
    })
    await isDone
    await runner.stop()
  },
  async left({ databaseUrl }) {
    const client = new pg.Client(databaseUrl)
    await client.connect()
    const { rows } = await client.query<{ left: number }>(
      'select count(*)::int as left from graphile_worker.jobs',
    )
    await client.end()
    return rows[0]?.left ?? Number.NaN
  },
}

export default peer
