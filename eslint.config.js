import tseslint from 'typescript-eslint'

const PRODUCT = ['src/**/*.ts', 'adapters/**/*.ts', 'relay/**/*.ts', 'testing/**/*.ts']

const size = (lines) => ['error', { max: lines, skipBlankLines: true, skipComments: true }]

const TIME = 'Take the time from the Clock port (src/lifecycle/clock.ts), so that tests can own it.'
const ENVIRONMENT = 'Only relay/config.ts reads the environment; take the value as an option.'

const restrictedGlobals = ['setTimeout', 'setInterval', 'performance'].map((name) => ({
  name,
  message: TIME,
}))
const restrictedProperties = [
  { object: 'Date', property: 'now', message: TIME },
  { object: 'process', property: 'env', message: ENVIRONMENT },
]
const restrictedImports = {
  paths: ['timers', 'timers/promises', 'perf_hooks']
    .flatMap((name) => [name, `node:${name}`])
    .map((name) => ({ name, message: TIME })),
}

/** What the time and environment rules still forbid in a file that is allowed one of them. */
const except = (message) => ({
  'no-restricted-globals': message === TIME ? 'off' : ['error', ...restrictedGlobals],
  'no-restricted-properties': ['error', ...restrictedProperties.filter((rule) => rule.message !== message)],
})

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'bench/peers/*-*.ts'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // An insert of knex that nobody awaits never runs: a lost message.
      '@typescript-eslint/no-floating-promises': ['error', { checkThenables: true }],
      // A new kind of outcome must be decided on everywhere.
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'max-lines': size(250),
      'max-lines-per-function': ['error', { max: 70 }],
      'max-params': ['error', 3],
      'no-empty': ['error', { allowEmptyCatch: false }],
      eqeqeq: 'error',

      // Numbers have one spelling in text; objects, null and undefined stay forbidden.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => sideEffect()` is the shortest callback that reads well, and nothing uses its value.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A leading underscore says that a name is there for its position or for `await using`.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: PRODUCT,
    rules: {
      'no-console': 'error',
      'no-restricted-globals': ['error', ...restrictedGlobals],
      'no-restricted-properties': ['error', ...restrictedProperties],
      'no-restricted-imports': ['error', restrictedImports],
    },
  },
  { files: ['src/lifecycle/clock.ts'], rules: { ...except(TIME), 'no-restricted-imports': 'off' } },
  { files: ['relay/config.ts'], rules: except(ENVIRONMENT) },
  // Made out of the migrations by `npm run schema`; and a table of names, in which things are looked up.
  { files: ['adapters/postgres/migrations.ts', 'src/telemetry/names.ts'], rules: { 'max-lines': 'off' } },
  {
    files: ['test/**/*.ts', 'testing/contracts/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'max-lines': size(350),
      // A `describe` holds a whole story.
      'max-lines-per-function': 'off',
      // A test that is wrong about a value being there fails, which is what it is for.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // The bundle that a `setup()` returns is made to be taken apart; its functions close over what they need.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
)
