import { format, resolveConfig } from 'prettier'
import { openApiText } from '../relay/admin/routes/api.ts'
import { apiPages, type ApiDocument } from './api-pages.ts'

export const API_DOCUMENT = 'docs/api/openapi.json'

/** The files of docs/api with what has to be in them. */
export async function apiFiles(): Promise<Map<string, string>> {
  const text = openApiText()
  const pages = apiPages(JSON.parse(text) as ApiDocument)
  const files = [[API_DOCUMENT, text] as const, ...pages]
  const formatted = files.map(async ([file, content]) => {
    const config = await resolveConfig(file, { editorconfig: true })
    return [file, await format(content, { ...config, filepath: file })] as const
  })
  return new Map(await Promise.all(formatted))
}
