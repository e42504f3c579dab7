// A client of grpc.testing.TestService with @grpc/grpc-js. Usage: client.js CASE ADDRESS DESCRIPTORS [CA-FILE]
'use strict';

const assert = require('assert');
const { randomUUID } = require('crypto');
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');
const { FileDescriptorSet } = require('protobufjs/ext/descriptor');

const [name, address, descriptors, ca] = process.argv.slice(2);
const set = fs.readFileSync(descriptors);
const service = grpc.loadPackageDefinition(
  loader.loadFileDescriptorSetFromBuffer(set, { keepCase: true, defaults: true })).grpc.testing.TestService;
const types = protobuf.Root.fromDescriptor(FileDescriptorSet.decode(set));
const limit = 16 << 20;
const options = { 'grpc.max_receive_message_length': limit, 'grpc.max_send_message_length': limit };
const credentials = ca ? grpc.credentials.createSsl(fs.readFileSync(ca)) : grpc.credentials.createInsecure();
const many = 300;
const message = '\t\nüber 100 %25 ☺ and 😈\r\n%';
const echo = [
  ['echo-text', 'plain, with a comma'],
  ['echo-many', '1'],
  ['echo-many', '2'],
  ['echo-long', 'x'.repeat(3000)],
  ['echo-raw-bin', Buffer.from([0, 1, 254, 255])],
  ['echo-many-bin', Buffer.from([1])],
  ['echo-many-bin', Buffer.from([2, 44, 3])],
];
let client = new service(address, credentials, options);

function metadataOf(pairs) {
  const md = new grpc.Metadata();
  for (const [k, v] of pairs) md.add(k, v);
  return md;
}

// begin starts a unary or client-streaming call; its promise resolves with the response and the metadata around it.
function begin(method, request, pairs = [], opts = {}) {
  let call;
  const done = new Promise((resolve, reject) => {
    let header, trailer, response;
    const callback = (err, r) => {
      if (err) return reject(err);
      response = r;
      if (trailer) resolve({ response, header, trailer });
    };
    const args = [metadataOf(pairs), opts, callback];
    call = request === undefined ? client[method](...args) : client[method](request, ...args);
    call.on('metadata', (md) => { header = md; });
    call.on('status', (s) => {
      trailer = s.metadata;
      if (response) resolve({ response, header, trailer });
    });
  });
  done.catch(() => {}); // whoever awaits it gets the error
  return { call, done };
}

const unaryCall = async (...args) => (await begin('UnaryCall', ...args).done);
const duplexCall = (pairs = [], opts = {}) => client.FullDuplexCall(metadataOf(pairs), opts);
const simple = (body, response_status) => ({ payload: { body }, response_status });
const output = (body, times = 0, response_status = undefined) =>
  ({ payload: { body }, response_parameters: Array(times).fill({}), response_status });
const awaitEvent = (event) => begin('EmptyCall', {}, [['await', event]], { deadline: Date.now() + 20000 }).done;

async function bodies(stream) {
  const all = [];
  for await (const m of stream) all.push(m.payload.body);
  return all;
}

// next returns a function that gives the next message's body each time.
function next(stream) {
  const iterator = stream[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await iterator.next();
    return done ? undefined : value.payload.body;
  };
}

async function failure(promise) {
  try {
    await promise;
  } catch (e) {
    if (e.code === undefined) throw e;
    return e;
  }
  return assert.fail('the call succeeded');
}

// Node joins the values of a repeated key, as HTTP allows.
function echoed(md) {
  const joined = (pairs) => pairs.map((v) => v.toString('latin1')).join(', ');
  for (const key of new Set(echo.map(([k]) => k))) {
    const want = echo.filter(([k]) => k === key).map(([, v]) => v);
    assert.strictEqual(joined(md.get(key)), joined(want), key);
    if (key.endsWith('-bin')) assert.strictEqual(md.get(key).length, want.length, key);
  }
}

function checkStatus(e, body) {
  assert.strictEqual(e.code, grpc.status.FAILED_PRECONDITION);
  assert.strictEqual(e.details, message);
  const status = types.lookupType('google.rpc.Status').decode(e.metadata.get('grpc-status-details-bin')[0]);
  assert.strictEqual(status.code, 9);
  assert.strictEqual(status.message, message);
  assert.strictEqual(status.details.length, 1);
  const any = status.details[0];
  assert.strictEqual(any.type_url ?? any.typeUrl, 'type.googleapis.com/grpc.testing.Payload');
  const payload = types.lookupType('grpc.testing.Payload').decode(any.value);
  assert.deepStrictEqual(Buffer.from(payload.body), Buffer.from(body));
}

const cases = {
  async unary() {
    for (const body of [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(70000, 'abcdefghijk')]) {
      assert.deepStrictEqual((await unaryCall(simple(body))).response.payload.body, body);
    }
  },
  async client_stream() {
    for (const sizes of [[1, 0, 20000, 300], []]) {
      const { call, done } = begin('StreamingInputCall', undefined);
      for (const n of sizes) call.write({ payload: { body: Buffer.alloc(n) } });
      call.end();
      assert.strictEqual((await done).response.aggregated_payload_size, sizes.reduce((a, b) => a + b, 0));
    }
  },
  async server_stream() {
    for (const n of [5, 0]) {
      const got = await bodies(client.StreamingOutputCall(output(Buffer.from('abc'), n)));
      assert.deepStrictEqual(got, Array(n).fill(Buffer.from('abc')));
    }
  },
  async bidi() {
    const stream = duplexCall();
    const recv = next(stream);
    for (let i = 0; i < 20; i++) {
      const body = Buffer.alloc(1000 * i, `${i}`);
      stream.write(output(body));
      assert.deepStrictEqual(await recv(), body);
    }
    stream.end();
    assert.strictEqual(await recv(), undefined);
  },
  async metadata() {
    const { header, trailer } = await unaryCall(simple(Buffer.alloc(0)), echo);
    echoed(header);
    echoed(trailer);
    const stream = duplexCall(echo);
    const status = new Promise((resolve) => { stream.on('status', resolve); });
    echoed(await new Promise((resolve) => { stream.on('metadata', resolve); })); // before any message
    stream.end();
    assert.deepStrictEqual(await bodies(stream), []);
    echoed((await status).metadata);
  },
  async deadline() {
    const { header } = await unaryCall(simple(Buffer.alloc(0)), [], { deadline: Date.now() + 60000 });
    const left = Number(header.get('time-left-ms')[0]);
    assert(left > 40000 && left <= 60000, `the server thinks that ${left} ms are left of 60 s`);
    const unary = (...args) => unaryCall(simple(Buffer.alloc(0)), ...args);
    const bidi = (...args) => bodies(duplexCall(...args));
    for (const start of [unary, bidi]) {
      const token = randomUUID();
      const e = await failure(start([['hold', token]], { deadline: Date.now() + 500 }));
      assert.strictEqual(e.code, grpc.status.DEADLINE_EXCEEDED);
      await awaitEvent(`end/${token}`);
    }
  },
  async cancel() {
    for (const kind of ['unary', 'bidi']) {
      const token = randomUUID();
      const hold = [['hold', token]];
      const call = kind === 'unary' ? begin('UnaryCall', simple(Buffer.alloc(0)), hold) : { call: duplexCall(hold) };
      const failed = failure(call.done ?? bodies(call.call));
      await awaitEvent(`begin/${token}`);
      call.call.cancel();
      assert.strictEqual((await failed).code, grpc.status.CANCELLED);
      await awaitEvent(`end/${token}`);
    }
  },
  async status() {
    const e = await failure(unaryCall(simple(Buffer.from([0, 100]), { code: 9, message }), echo));
    checkStatus(e, [0, 100]);
    echoed(e.metadata);
    for (let code = 1; code <= 16; code++) {
      assert.strictEqual((await failure(unaryCall(simple(Buffer.alloc(0), { code })))).code, code);
    }
  },
  async stream_status() {
    const recv = next(client.StreamingOutputCall(output(Buffer.from('abc'), 2, { code: 9, message })));
    for (let i = 0; i < 2; i++) assert.deepStrictEqual(await recv(), Buffer.from('abc'));
    checkStatus(await failure(recv()), Buffer.from('abc'));
    const stream = duplexCall();
    stream.write(output(Buffer.alloc(0), 0, { code: 9, message }));
    checkStatus(await failure(bodies(stream)), []);
  },
  async unimplemented() {
    const same = (b) => b;
    for (const path of ['/grpc.testing.TestService/Nothing', '/grpc.testing.Nothing/Nothing']) {
      const e = await failure(new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, same, same, Buffer.alloc(0), (err, r) => (err ? reject(err) : resolve(r)));
      }));
      assert.strictEqual(e.code, grpc.status.UNIMPLEMENTED);
    }
  },
  async large() {
    const body = Buffer.alloc(8 << 20, 'abcdefghijk');
    assert((await unaryCall(simple(body))).response.payload.body.equals(body));
    const stream = duplexCall();
    stream.write(output(body));
    stream.write(output(body));
    stream.end();
    assert.deepStrictEqual((await bodies(stream)).map((b) => b.equals(body)), [true, true]);
  },
  async flow() { // all is written before anything is read
    const stream = duplexCall();
    for (let i = 0; i < 300; i++) stream.write(output(Buffer.alloc(30000, 'x')));
    stream.end();
    assert.strictEqual((await bodies(stream)).reduce((sum, b) => sum + b.length, 0), 9000000);
  },
  async gzip() {
    client = new service(address, credentials, { ...options, 'grpc.default_compression_algorithm': 2 });
    const body = Buffer.alloc(1 << 20);
    const pairs = [['compress', 'gzip']];
    assert((await unaryCall(simple(body), pairs)).response.payload.body.equals(body));
    const stream = duplexCall(pairs);
    stream.end(output(body));
    assert.deepStrictEqual((await bodies(stream)).map((b) => b.equals(body)), [true]);
  },
  async concurrent() {
    const want = Array.from({ length: many }, (_, i) => Buffer.from(`${i}`));
    const unary = want.map((body) => unaryCall(simple(body)));
    const streams = want.slice(0, 50).map((body) => {
      const stream = duplexCall();
      for (let i = 0; i < 3; i++) stream.write(output(body));
      stream.end();
      return bodies(stream);
    });
    assert.deepStrictEqual((await Promise.all(unary)).map((r) => r.response.payload.body), want);
    assert.deepStrictEqual(await Promise.all(streams), want.slice(0, 50).map((b) => [b, b, b]));
  },
  async drain() {
    const until = [['until', 'draining']];
    const stream = duplexCall(until);
    const recv = next(stream);
    stream.write(output(Buffer.from('1')));
    assert.deepStrictEqual(await recv(), Buffer.from('1'));
    const held = unaryCall(simple(Buffer.from('held')), until);
    await unaryCall(simple(Buffer.alloc(0))); // which comes after that
    console.log('in flight');
    assert.deepStrictEqual((await held).response.payload.body, Buffer.from('held'));
    stream.write(output(Buffer.from('2')));
    assert.deepStrictEqual(await recv(), Buffer.from('2'));
    const e = await failure(unaryCall(simple(Buffer.alloc(0)), [], { deadline: Date.now() + 10000 }));
    assert.strictEqual(e.code, grpc.status.UNAVAILABLE);
    stream.end();
    assert.strictEqual(await recv(), undefined);
  },
};

cases[name]().then(() => client.close(), (e) => {
  console.error(`${name}: ${e.stack ?? e}`);
  process.exit(1);
});
