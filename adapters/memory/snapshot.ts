import type { Snapshot } from './engine.ts'

/** As PostgreSQL writes it: `xmin:xmax:xip,…`. */
export function snapshotText({ xmin, xmax, xip }: Snapshot): string {
  return `${String(xmin)}:${String(xmax)}:${[...xip].sort((a, b) => a - b).join(',')}`
}

export function parseSnapshot(text: string): Snapshot {
  const [xmin = '1', xmax = '1', xip = ''] = text.split(':')
  const open = xip === '' ? [] : xip.split(',').map(Number)
  return { xmin: Number(xmin), xmax: Number(xmax), xip: new Set(open) }
}

/** Whether a transaction had ended when the snapshot was taken. */
export function isVisible(xid: number, snapshot: Snapshot): boolean {
  return xid < snapshot.xmax && !snapshot.xip.has(xid)
}
