/**
 * The topmost frame that is the application's own, as `file:function`. Without line numbers and without the folder that
 * the process was started in, so that it stays the same over edits and deployments. Null when there is none.
 */
export function applicationFrame(frames: string | null, root: string): string | null {
  for (const line of frames?.split('\n') ?? []) {
    const frame = parse(line)
    if (frame === null || isForeign(frame.file)) continue
    return `${relative(frame.file, root)}:${frame.name}`
  }
  return null
}

interface Frame {
  readonly file: string
  readonly name: string
}

/** `at [async] [new] name (file:1:2)` or `at [async] file:1:2`. */
function parse(line: string): Frame | null {
  const text = line.trim().slice('at '.length)
  const open = text.endsWith(')') ? text.indexOf(' (') : -1
  const place = open === -1 ? text.replace(/^async /, '') : text.slice(open + 2, -1)
  const position = /:\d+:\d+$/.exec(place)
  if (position === null) return null
  const name =
    open === -1
      ? ''
      : text
          .slice(0, open)
          .replace(/^async /, '')
          .replace(/ \[as .*$/, '')
  return { file: place.slice(0, position.index), name: name === '' ? 'anonymous' : name }
}

function isForeign(file: string): boolean {
  return (
    file.startsWith('node:') ||
    file.startsWith('internal/') ||
    file.includes('<anonymous>') ||
    /[\\/]node_modules[\\/]/.test(file)
  )
}

function relative(file: string, root: string): string {
  const path = plain(file.replace(/^file:\/\//, '').replace(/\?.*$/, ''))
  const from = plain(root).replace(/\/?$/, '/')
  return path.startsWith(from) ? path.slice(from.length) : path
}

function plain(path: string): string {
  return path.replaceAll('\\', '/').replace(/^\/(?=[A-Za-z]:\/)/, '')
}
