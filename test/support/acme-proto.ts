/**
 * The schema of a feed that nobody here designed: books and trades in a oneof, with a header, in several files.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const ACME_FILES: Readonly<Record<string, string>> = {
  'acme/md/market.proto': `
    syntax = "proto3";
    package acme.md;
    import "acme/common/header.proto";
    import "google/protobuf/timestamp.proto";

    service MarketData {
      rpc Subscribe(SubscribeRequest) returns (stream Update);
      rpc SubscribeBatches(SubscribeRequest) returns (stream UpdateBatch);
      rpc GetStatus(SubscribeRequest) returns (Update);
      rpc Upload(stream Update) returns (SubscribeRequest);
      rpc Talk(stream SubscribeRequest) returns (stream Update);
    }
    service Reference {
      rpc GetSymbols(SubscribeRequest) returns (Update);
    }
    message SubscribeRequest {
      repeated string symbols = 1;
      int64 from_sequence = 2;
      acme.common.Venue venue = 3;
    }
    message Level { double price = 1; double size = 2; }
    message Book {
      string symbol = 1;
      repeated Level bids = 2;
      repeated Level asks = 3;
      google.protobuf.Timestamp at = 4;
    }
    message Trade {
      string symbol = 1;
      double price = 2;
      optional double size = 3;
      google.protobuf.Timestamp at = 4;
    }
    message Update {
      enum Side { NONE = 0; BUY = 1; SELL = 2; }
      acme.common.Header header = 1;
      oneof event { Book book = 2; Trade trade = 3; }
      Side side = 4;
      string ticker = 5;
      repeated string tags = 6;
      map<string, string> labels = 7;
      int64 time_ms = 8;
      google.protobuf.Timestamp received = 9;
      optional uint64 position = 10;
      double price = 11;
      oneof note { string text = 12; Level level = 13; }
    }
    message UpdateBatch { repeated Update updates = 1; uint32 count = 2; }`,
  'acme/common/header.proto': `
    syntax = "proto3";
    package acme.common;
    enum Venue { VENUE_UNKNOWN = 0; NEW_YORK = 1; }
    message Header {
      string instrument = 1;
      uint64 seq = 2;
      Venue venue = 3;
      string sent_at = 4;
    }
    message Unused { Header header = 1; }`,
}

export const ACME_MAIN = 'acme/md/market.proto'

/** Files of this test alone. Paths are relative to the folder. */
export class TestFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'ringcast-test-'))

  /** Returns the absolute path. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    return path
  }

  /** Returns the absolute path of the main file. */
  writeAcme(): string {
    for (const [name, text] of Object.entries(ACME_FILES)) this.write(name, text)
    return join(this.path, ACME_MAIN)
  }

  remove(): void {
    rmSync(this.path, { recursive: true })
  }
}
