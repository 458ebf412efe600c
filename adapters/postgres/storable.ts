/** PostgreSQL keeps no NUL in texts, which a stranger's message or error may have. */
export function storable(text: string | null): string | null {
  return text?.includes('\0') === true ? text.replaceAll('\0', '\uFFFD') : text
}
