// Streams of bytes whose content is determined by their size.

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";

export function isStream(value) {
  return typeof value?.pipe === "function" && typeof value.on === "function";
}

// Byte number i is i % 251. The stream fails after `fails_after` bytes, if this is a number.
// With `objects`, it is a stream of {"number": i} instead of bytes.
//
// It fails with a delay: a node of Moleculer that receives the error together with the beginning
// of the stream reports it before the caller listens, and the stream of the caller never ends.
export function produced({ size, chunk = 65536, fails_after = null, objects = false }) {
  const end = Math.min(size, fails_after ?? size);
  async function* parts() {
    for (let at = 0; at < end; at += objects ? 1 : chunk) {
      yield objects ? { number: at } : bytes(at, Math.min(end, at + chunk));
    }
    if (fails_after !== null) {
      await setTimeout(50);
      throw new Error("the source is gone");
    }
  }
  return Readable.from(parts(), { objectMode: objects });
}

function bytes(from, to) {
  const part = Buffer.allocUnsafe(to - from);
  for (let i = from; i < to; i += 1) part[i - from] = i % 251;
  return part;
}

// Read a stream to its end, and return a summary of its content.
export async function consumed(stream) {
  const hash = createHash("sha256");
  const seen = { length: 0, chunks: 0, error: null };
  try {
    for await (const part of stream) {
      seen.chunks += 1;
      if (Buffer.isBuffer(part)) {
        seen.length += part.length;
        hash.update(part);
      } else {
        (seen.objects ??= []).push(part);
      }
    }
  } catch (error) {
    const { name, message, code, type, data, nodeID } = error;
    seen.error = { name, message, code, type, data, nodeID };
  }
  return { ...seen, sha256: hash.digest("hex") };
}
