import fc from 'fast-check'

const HIGHEST_CODE_POINT = 0x10ffff
const isSurrogate = (point: number): boolean => point >= 0xd800 && point <= 0xdfff

/** Any character at all, the awkward ones often. */
export const anyCharacter: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('a', '"', '\\', '/', '\u0000', '\n', '\u007f', 'é', '\u2028', '\uFEFF', '\uFFFF', '😀'),
  fc
    .integer({ min: 0, max: HIGHEST_CODE_POINT })
    .filter((point) => !isSurrogate(point))
    .map((point) => String.fromCodePoint(point)),
)

/** Any text that UTF-8 can carry. */
export const anyText: fc.Arbitrary<string> = fc.string({ unit: anyCharacter, maxLength: 12 })
