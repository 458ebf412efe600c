import { execFile, type ExecFileOptions } from 'node:child_process'

/** Runs a program to its end and resolves with what it printed; a failure carries both streams in its message. */
export function run(file: string, args: readonly string[], options: ExecFileOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { maxBuffer: 64 * 1024 * 1024, ...options }, (error, stdout, stderr) => {
      const output = String(stdout)
      if (!error) resolve(output)
      else
        reject(new Error(`${file} ${args.join(' ')} failed.\n${output}${String(stderr)}`, { cause: error }))
    })
  })
}
