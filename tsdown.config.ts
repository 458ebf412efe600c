import { defineConfig, type UserConfig } from 'tsdown'
import { entries } from './scripts/doors.ts'

const config: UserConfig = defineConfig({
  entry: entries(),
  dts: true,
  format: 'esm',
  fixedExtension: false,
  target: 'node20.19',
  sourcemap: true,
})

export default config
