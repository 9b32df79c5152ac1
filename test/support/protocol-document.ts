/**
 * asyncapi.yaml as a test needs it: read by the AsyncAPI parser, with a check for each kind of message.
 */
import { readFileSync } from 'node:fs'
import { type AsyncAPIDocumentInterface, Parser } from '@asyncapi/parser'
import { Ajv, type ValidateFunction } from 'ajv'

const FILE = new URL('../../../asyncapi.yaml', import.meta.url)

export class ProtocolDocument {
  /** What the parser complains of, in one line each. */
  readonly complaints: readonly string[]
  private readonly document: AsyncAPIDocumentInterface
  private readonly checks = new Map<string, ValidateFunction>()
  // The parser leaves notes of its own in the schemas.
  private readonly ajv = new Ajv({ strict: false, allowUnionTypes: true })

  private constructor(document: AsyncAPIDocumentInterface, complaints: readonly string[]) {
    this.document = document
    this.complaints = complaints
  }

  static async read(): Promise<ProtocolDocument> {
    const { document, diagnostics } = await new Parser().parse(readFileSync(FILE, 'utf8'))
    const complaints = diagnostics.map(({ message, path }) => `${path.join('.')}: ${message}`)
    if (document === undefined) throw new Error(complaints.join('\n'))
    return new ProtocolDocument(document, complaints)
  }

  /** Names of the messages of an operation, its replies left aside. */
  messagesOf(operation: string): readonly string[] {
    const found = this.document.operations().get(operation)
    if (found === undefined) throw new Error(`no operation ${operation}`)
    return found
      .messages()
      .all()
      .map(message => message.name()!)
  }

  get messageNames(): readonly string[] {
    return this.document
      .components()
      .messages()
      .all()
      .map(message => message.name()!)
  }

  get channelDescription(): string {
    return this.document.channels().get('ticks')!.description() ?? ''
  }

  /** Names of what may stand in the URL. */
  get queryParameters(): readonly string[] {
    const { query } = this.document.channels().get('ticks')!.bindings().get('ws')!.value()
    return Object.keys(query.properties)
  }

  /** A schema that messages refer to. */
  schema(name: string): { readonly enum?: readonly string[]; readonly description?: string } {
    const found = this.document.components().schemas().get(name)
    if (found === undefined) throw new Error(`asyncapi.yaml has no schema ${name}`)
    return found.json() as { enum?: string[]; description?: string }
  }

  examplesOf(name: string): readonly unknown[] {
    return this.message(name)
      .examples()
      .all()
      .map(example => example.payload())
  }

  /** What is wrong with a message, by its `type`; undefined when nothing is. */
  errorIn(message: { readonly type: string }): string | undefined {
    let check = this.checks.get(message.type)
    if (check === undefined) {
      check = this.ajv.compile(this.message(message.type).payload()!.json() as object)
      this.checks.set(message.type, check)
    }
    if (check(message)) return undefined
    return `${this.ajv.errorsText(check.errors)} in ${JSON.stringify(message)}`
  }

  private message(name: string) {
    const found = this.document.components().messages().get(name)
    if (found === undefined) throw new Error(`asyncapi.yaml has no message ${name}`)
    return found
  }
}
