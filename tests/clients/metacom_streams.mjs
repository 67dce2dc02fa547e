// Sends and reads streams of 1 MiB with the npm client of Metacom, and prints a report.

import { Blob } from 'node:buffer';
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Metacom } from 'metacom';

const SIZE = 1 << 20;
const metacom = Metacom.create(process.argv[2]);
const call = (method, args) => metacom.scaffold('files')(method)(args);
const sha256 = (data) => createHash('sha256').update(data).digest('hex');

const data = Buffer.alloc(SIZE, 'the data of a file');
const parts = [];
for (let start = 0; start < SIZE; start += 50_000) parts.push(data.subarray(start, start + 50_000));
const blob = new Blob(parts);

const upload = async () => {
  const uploader = metacom.createBlobUploader(blob);
  const called = call('upload', { stream_id: uploader.id });
  await uploader.upload();
  return called;
};

const download = async (size, part, delay) => {
  const { streamId } = await call('download', { size, part });
  const stream = metacom.getStream(streamId);
  await pause(delay);
  return Buffer.from(await (await stream.toBlob()).arrayBuffer());
};

await metacom.opening; // until then the client drops the packets of streams
const uploads = await Promise.all([upload(), upload(), upload()]);
const downloads = [];
for (const [part, delay] of [[1_000, 0], [1_000, 300], [65_536, 300], [SIZE, 300]]) {
  const received = await download(SIZE, part, delay);
  downloads.push({ part, size: received.length, sha256: sha256(received) });
}

console.log(JSON.stringify({ sha256: sha256(data), uploads, downloads }));
metacom.close();
process.exit(0);
