import { describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { createRelaySetting, type RelaySetting } from './relay-setting.ts'

/** Runs an operator's command to its end. */
async function operate(setting: RelaySetting, ...args: string[]): Promise<string> {
  const child = setting.waybill(args)
  expect(await child.exited, child.output).toEqual({ code: 0, signal: null })
  return child.output
}

/** Waits until the two seconds that a pause may take are over, by the database's clock. */
async function twoSecondsOn({ pool }: RelaySetting): Promise<void> {
  await eventually(async () => {
    const { rows } = await pool.query<{ over: boolean }>(
      `select paused_at + interval '2 seconds' <= clock_timestamp() as over from waybill.pause`,
    )
    return rows[0]?.over === true
  })
}

/** Effects that happened although the consumer had had its two seconds. */
async function lateEffects({ pool }: RelaySetting): Promise<number> {
  const { rowCount } = await pool.query(
    `select from effect, waybill.pause where happened_at > paused_at + interval '2 seconds'`,
  )
  return rowCount ?? 0
}

describe('a pause by an operator', () => {
  it('stops a consumer within two seconds, whatever is killed and started, until it is resumed', async () => {
    await using setting = await createRelaySetting()
    const { pool, history } = setting
    await setting.relay()
    const first = await setting.consumer()
    const load = setting.startLoad()
    await eventually(async () => ((await pool.query('select from effect')).rowCount ?? 0) > 100)
    await operate(setting, 'consumers', 'pause', 'effects', '--reason', 'Its database moves.')
    await twoSecondsOn(setting)
    expect(await operate(setting, 'consumers', 'list')).toMatch(/effects .*Its database moves\./)
    await first.kill('SIGKILL')
    await setting.consumer()
    const arrived = history.arrivals.length
    await eventually(() => history.arrivals.length > arrived + 200)
    await load.stop()
    expect(await lateEffects(setting)).toBe(0)
    await operate(setting, 'consumers', 'resume', 'effects')
    await setting.settled()
    expect((await setting.verdict()).violations).toEqual([])
  })

  it('stops all relays within two seconds, also those that start then, until they are resumed', async () => {
    await using setting = await createRelaySetting()
    const { pool, history } = setting
    const first = await setting.relay({ WAYBILL_HOST: 'first' })
    await setting.write('order-1', 1)
    await eventually(() => history.arrivals.length === 1)
    await operate(setting, 'relays', 'pause', '*', '--reason', 'The broker moves.')
    await twoSecondsOn(setting)
    await setting.write('order-1', 2)
    await first.kill('SIGKILL')
    const second = await setting.relay({ WAYBILL_HOST: 'second' })
    await second.line(/The relay was paused\./)
    await setting.write('order-1', 3)
    expect(await operate(setting, 'relays', 'list')).toMatch(/second .*The broker moves\./)
    // The lanes of the one that was killed are nobody's by now, and stay so.
    await eventually(async () => {
      const { rowCount } = await pool.query('select from waybill.relay where expires_at < clock_timestamp()')
      return rowCount === 1 || (await setting.owners())['first'] === undefined
    })
    expect((await setting.owners())['second']).toBeUndefined()
    expect(history.arrivals).toHaveLength(1)
    await operate(setting, 'relays', 'resume', '*')
    await setting.settled()
    expect(await setting.verdict()).toMatchObject({ committed: 3, violations: [] })
  })
})
