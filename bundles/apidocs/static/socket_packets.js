// The packets of Socket.IO (protocol v5): a text, followed by one binary message for each
// attachment.

import { mapped, parseJson } from "./json.js";

export const CONNECT = 0;
export const DISCONNECT = 1;
export const EVENT = 2;
export const ACK = 3;
export const CONNECT_ERROR = 4;
const BINARY = { 2: 5, 3: 6 };
const PLAIN = { 5: 2, 6: 3 };
const ATTACHED = new Set([5, 6]);

// Returns the messages of a packet {type, namespace, id, data}: the text, and ArrayBuffers.
export function encodePacket({ type, namespace, id, data }) {
  const attachments = [];
  const payload = data === undefined ? "" : JSON.stringify(withPlaceholders(data, attachments));
  const head = attachments.length ? `${BINARY[type]}${attachments.length}-` : String(type);
  const name = namespace === "/" ? "" : `${namespace},`;
  return [`${head}${name}${id ?? ""}${payload}`, ...attachments];
}

function withPlaceholders(value, attachments) {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    return { _placeholder: true, num: attachments.push(value) - 1 };
  }
  return mapped(value, (item) => withPlaceholders(item, attachments));
}

// Puts packets together out of the messages that arrive.
export class PacketDecoder {
  // Returns the packet that *message* completes, or null. Raises an Error for anything else.
  add(message) {
    if (typeof message !== "string") return this._attach(message);
    if (this._waiting) throw new Error("a packet lacks attachments");
    const packet = decodeText(message);
    if (!packet.attachments) return packet;
    this._waiting = { packet, buffers: [] };
    return null;
  }

  _attach(buffer) {
    if (!this._waiting) throw new Error("an attachment without a packet");
    const { packet, buffers } = this._waiting;
    buffers.push(buffer);
    if (buffers.length < packet.attachments) return null;
    this._waiting = null;
    return { ...packet, data: withBuffers(packet.data, buffers) };
  }
}

function decodeText(text) {
  const found = /^([0-6])(?:(\d+)-)?(?:(\/[^,]*),)?(\d+)?(.*)$/s.exec(text);
  if (!found) throw new Error(`not a packet: ${text.slice(0, 40)}`);
  const type = Number(found[1]);
  if (ATTACHED.has(type) !== (found[2] !== undefined)) throw new Error("wrong attachments");
  return {
    type: PLAIN[type] ?? type,
    attachments: Number(found[2] ?? 0),
    namespace: found[3] ?? "/",
    id: found[4] === undefined ? undefined : Number(found[4]),
    data: found[5] === "" ? undefined : parseJson(found[5]),
  };
}

function withBuffers(value, buffers) {
  if (value?._placeholder === true) {
    if (!(value.num in buffers)) throw new Error("a packet names an attachment that it lacks");
    return buffers[value.num];
  }
  return mapped(value, (item) => withBuffers(item, buffers));
}
