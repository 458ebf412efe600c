import { describe, expect, it } from 'vitest'
import type { StatusReport } from '../../relay/cli/status-command.ts'
import { eventually } from '../support/eventually.ts'
import { createRelaySetting } from './relay-setting.ts'

/** What is taken over meanwhile was given back. */
const LONG_LEASE = { WAYBILL_LEASE_MS: '600000' }

describe('a relay process', () => {
  it('carries what plain SQL has written to the broker', async () => {
    await using setting = await createRelaySetting({ migrated: false })
    expect((await setting.waybill(['migrate']).exited).code).toBe(0)
    await setting.write('order-1', 1)
    await setting.relay()
    await setting.write('order-1', 2)
    await setting.settled()
    expect(await setting.verdict()).toEqual({ committed: 2, arrivals: 2, duplicates: 0, violations: [] })
  })

  it('on SIGTERM finishes what is in flight, ends with code 0, and hands its lanes over at once', async () => {
    await using setting = await createRelaySetting()
    const first = await setting.relay({ WAYBILL_HOST: 'first', ...LONG_LEASE })
    const second = await setting.relay({ WAYBILL_HOST: 'second', ...LONG_LEASE })
    await eventually(async () => (await setting.owners())['second'] === 8)
    const load = setting.startLoad()
    await eventually(() => setting.history.arrivals.length > 200)

    const stopping = first.kill('SIGTERM')
    expect(await stopping).toEqual({ code: 0, signal: null })
    expect(await setting.owners()).not.toHaveProperty('first')
    await setting.takenOver('first')

    await load.stop()
    await setting.settled()
    // Nothing crashed: whoever drains well makes no duplicates.
    expect(await setting.verdict()).toMatchObject({ duplicates: 0, violations: [] })
    expect((await second.kill('SIGTERM')).code).toBe(0)
    expect(await setting.owners()).toEqual({})
  })

  it('that was frozen past its lease notices, begins anew, and breaks no order', async () => {
    await using setting = await createRelaySetting()
    const frozen = await setting.relay({ WAYBILL_HOST: 'frozen' })
    await setting.relay({ WAYBILL_HOST: 'awake' })
    await eventually(async () => (await setting.owners())['awake'] === 8)
    const load = setting.startLoad()
    await eventually(() => setting.history.arrivals.length > 200)

    process.kill(frozen.pid, 'SIGSTOP')
    setting.fault('frozen', 'frozen')
    await setting.takenOver('frozen')
    process.kill(frozen.pid, 'SIGCONT')
    await frozen.line(/has lost its lease and begins anew/)
    await eventually(async () => (await setting.owners())['frozen'] === 8)

    await load.stop()
    await setting.settled()
    expect((await setting.verdict()).violations).toEqual([])
    expect((await frozen.kill('SIGTERM')).code).toBe(0)
  })

  it('is seen by waybill status, with its host and lanes', async () => {
    await using setting = await createRelaySetting()
    await setting.relay({ WAYBILL_HOST: 'relay-7' })
    await eventually(async () => (await setting.owners())['relay-7'] === 16)
    const status = setting.waybill(['status', '--json'])
    expect(await status.exited).toEqual({ code: 0, signal: null })
    const report = JSON.parse(status.output) as StatusReport
    expect(report.relays).toMatchObject([{ host: 'relay-7', live: true }])
    expect(report.relays[0]!.lanes).toHaveLength(16)
    expect(report.backlog.records).toBe(0)
  })
})
