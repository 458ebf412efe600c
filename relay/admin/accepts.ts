import { Problem } from './problems/problem.ts'

export const JSON_TYPE = 'application/json'

/**
 * The media type to answer with: of those that are there, the one that the header Accept likes best.
 * @throws Problem not_acceptable
 */
export function accepted(header: string | undefined, others: readonly string[] = []): string {
  // Routes with one form answer in it: who sends an odd Accept still gets what there is, and problems are JSON anyway.
  if (others.length === 0 || header === undefined) return JSON_TYPE
  const forms = [JSON_TYPE, ...others]
  const wishes = header
    .split(',')
    .map(wishOf)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
  for (const { range } of wishes) {
    const form = forms.find(
      (one) => range === '*/*' || range === one || range === `${one.split('/')[0] ?? ''}/*`,
    )
    if (form !== undefined) return form
  }
  throw new Problem('not_acceptable', { detail: `There are ${forms.join(', ')}.` })
}

function wishOf(text: string): { readonly range: string; readonly quality: number } {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2)
  return { range, quality: quality === undefined ? 1 : Number(quality) || 0 }
}
