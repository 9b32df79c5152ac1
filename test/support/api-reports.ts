/**
 * What each published package exports, as text: `npm run docs` writes it into api/, a test compares it. So nobody changes what users
 * write against without seeing it.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'

export interface ApiEntry {
  /** The report is api/<name>.api.md. */
  readonly name: string
  /** The folder of the package, from the root. */
  readonly folder: string
  /** The types that are published, in that folder. */
  readonly types: string
}

export const API_ENTRIES: readonly ApiEntry[] = [
  { name: 'ringcast', folder: '.', types: 'dist/src/index.d.ts' },
  { name: 'client', folder: 'packages/client', types: 'dist/esm/index.d.ts' },
  { name: 'client-protobuf', folder: 'packages/client', types: 'dist/esm/protobuf.d.ts' },
  { name: 'react', folder: 'packages/react', types: 'dist/index.d.ts' },
]

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** The compiler in the extractor is older than ours. */
const COMPILER_OPTIONS = {
  target: 'es2022',
  lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
  module: 'nodenext',
  moduleResolution: 'nodenext',
  strict: true,
  skipLibCheck: true,
}
const SILENT = { default: { logLevel: ExtractorLogLevel.None } }

export function pathOf({ name }: ApiEntry): string {
  return join(ROOT, 'api', `${name}.api.md`)
}

/** Throws what is wrong with the types. */
export function reportOf({ folder, name, types }: ApiEntry): string {
  const target = mkdtempSync(join(tmpdir(), 'ringcast-api-'))
  const projectFolder = join(ROOT, folder)
  const mainEntryPointFilePath = join(projectFolder, types)
  try {
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder,
        mainEntryPointFilePath,
        compiler: {
          overrideTsconfig: {
            compilerOptions: { ...COMPILER_OPTIONS, types: folder === '.' ? ['node'] : [] },
            files: [mainEntryPointFilePath],
          },
        },
        apiReport: {
          enabled: true,
          reportFileName: name,
          reportFolder: target,
          reportTempFolder: join(target, 'temp'),
          includeForgottenExports: true,
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        // Comments have another check: here only the declarations count.
        messages: { extractorMessageReporting: SILENT, tsdocMessageReporting: SILENT },
        newlineKind: 'lf',
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: join(projectFolder, 'package.json'),
    })
    const faults: string[] = []
    Extractor.invoke(config, {
      localBuild: true,
      messageCallback: message => {
        message.handled = true
        if (message.logLevel === 'error') faults.push(message.text)
      },
    })
    if (faults.length > 0) throw new Error(faults.join('\n'))
    return readFileSync(join(target, `${name}.api.md`), 'utf8')
  } finally {
    rmSync(target, { recursive: true })
  }
}
