import { defineConfig, type UserConfig } from 'tsdown'
import { DOORS, PROGRAM } from './scripts/doors.ts'

const config: UserConfig = defineConfig({
  entry: { ...DOORS, ...PROGRAM },
  dts: true,
  format: 'esm',
  fixedExtension: false,
  target: 'node20.19',
  tsconfig: 'tsconfig.build.json',
  sourcemap: true,
})

export default config
