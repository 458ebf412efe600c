import { chmod, chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'
import type { Owner } from './temp-dir.ts'

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  /** Names and addresses it is for, such as `DNS:localhost`. */
  readonly names: readonly string[]
  /** It was over yesterday. */
  readonly expired?: boolean
  /** Whose key it is; servers refuse the keys of others. */
  readonly owner?: Owner | undefined
}

/** A private authority, which nobody trusts who is not told to. */
export interface Authority {
  /** The path of its own certificate. */
  readonly ca: string
  issue(name: string, options: CertificateOptions): Promise<Certificate>
}

export async function createAuthority(folder: string, name: string): Promise<Authority> {
  const path = (file: string): string => join(folder, `${name}-${file}`)
  const ca = path('ca.pem')
  const caKey = path('ca.key')
  const openssl = (...args: string[]): Promise<string> => run('openssl', args)
  const newKey = ['-newkey', 'rsa:2048', '-nodes']
  await openssl('req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, '-keyout', caKey, '-out', ca)
  await chmod(ca, 0o644)
  return {
    ca,
    issue: async (subject, { names, expired = false, owner }) => {
      const [key, request, cert, extensions] = ['key', 'csr', 'pem', 'ext'].map((end) =>
        path(`${subject}.${end}`),
      ) as [string, string, string, string]
      await writeFile(extensions, `subjectAltName=${names.join(',')}\n`)
      await openssl('req', ...newKey, '-subj', `/CN=${subject}`, '-keyout', key, '-out', request)
      const signed = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-extfile', extensions]
      await openssl('x509', '-req', '-in', request, ...signed, '-days', expired ? '-1' : '2', '-out', cert)
      await chmod(cert, 0o644)
      await chmod(key, owner ? 0o600 : 0o644)
      if (owner) await chown(key, owner.uid, owner.gid)
      return { cert, key }
    },
  }
}
