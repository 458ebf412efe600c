import PgBoss from 'pg-boss'
import type { Peer, PeerMessage, PeerSetting } from './peer.ts'

const QUEUE = 'publish'
const BATCH = 1_000
/** Two loops, so that one fetches while the other waits for confirms. */
const LOOPS = 2

async function withBoss<Result>(
  setting: PeerSetting,
  work: (boss: PgBoss) => Promise<Result>,
): Promise<Result> {
  const boss = new PgBoss({ connectionString: setting.databaseUrl, supervise: false, schedule: false })
  boss.on('error', () => undefined)
  await boss.start()
  try {
    return await work(boss)
  } finally {
    await boss.stop({ graceful: false })
  }
}

/** Fetches and completes in thousands, which is the fastest way that it offers. */
const peer: Peer = {
  prepare: (setting) => withBoss(setting, (boss) => boss.createQueue(QUEUE)),
  write: (setting, messages) =>
    withBoss(setting, async (boss) => {
      for (let from = 0; from < messages.length; from += BATCH) {
        await boss.insert(messages.slice(from, from + BATCH).map((data) => ({ name: QUEUE, data })))
      }
    }),
  drain: (setting, isDone) =>
    withBoss(setting, async (boss) => {
      const state = { done: false }
      void isDone.then(() => (state.done = true))
      const loop = async (): Promise<void> => {
        while (!state.done) {
          const jobs = await boss.fetch<PeerMessage>(QUEUE, { batchSize: BATCH })
          if (jobs.length === 0) return
          await Promise.all(jobs.map(({ data }) => setting.publish(data)))
          await boss.complete(
            QUEUE,
            jobs.map(({ id }) => id),
          )
        }
      }
      await Promise.all(Array.from({ length: LOOPS }, loop))
      await isDone
    }),
  left: (setting) => withBoss(setting, (boss) => boss.getQueueSize(QUEUE)),
}

export default peer
