/**
 * Allocates the memory that a lane shares with the main thread, and copies within it. Any thread.
 * It is a WebAssembly memory, whose `memory.copy` is fast at any alignment. Reason:
 * docs/decisions/0006-lane-memory-is-webassembly.md
 */

/** A WebAssembly.Memory that threads share. */
export interface LaneMemory {
  readonly buffer: SharedArrayBuffer
}

/** Copies `length` bytes. `to` and `from` are offsets in bytes; the ranges may overlap. */
export type CopyBytes = (to: number, from: number, length: number) => void

/** The part of https://webassembly.github.io/spec/js-api/ that is used here. Node's types lack it. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: {
    readonly initial: number
    readonly maximum: number
    readonly shared: true
  }) => LaneMemory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: { readonly lane: { readonly memory: LaneMemory } },
  ) => { readonly exports: { readonly copy: CopyBytes } }
}

const PAGE_BYTES = 65_536

/**
 * (module
 *   (import "lane" "memory" (memory 0 65536 shared))
 *   (func (export "copy") (param i32 i32 i32)
 *     (memory.copy (local.get 0) (local.get 1) (local.get 2))))
 */
const COPY_MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  // Types: one function of three numbers.
  ...[0x01, 0x07, 0x01, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x00],
  // Imports: "lane" "memory", shared, 0 to 65,536 pages.
  ...[0x02, 0x13, 0x01, 0x04, 0x6c, 0x61, 0x6e, 0x65, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79],
  ...[0x02, 0x03, 0x00, 0x80, 0x80, 0x04],
  // Functions and exports: "copy".
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x07, 0x08, 0x01, 0x04, 0x63, 0x6f, 0x70, 0x79, 0x00, 0x00],
  // Code: memory.copy of the three arguments.
  ...[0x0a, 0x0e, 0x01, 0x0c, 0x00, 0x20, 0x00, 0x20, 0x01, 0x20, 0x02, 0xfc, 0x0a, 0x00, 0x00, 0x0b],
])

/** @param bytes to allocate, rounded up to whole pages; all are 0 */
export function allocateLaneMemory(bytes: number): LaneMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES)
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
}

/** @returns a function that copies within the memory, and throws for a range outside of it */
export function copierOf(memory: LaneMemory): CopyBytes {
  const module = new WebAssembly.Module(COPY_MODULE)
  return new WebAssembly.Instance(module, { lane: { memory } }).exports.copy
}
