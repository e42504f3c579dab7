// A server of grpc.testing.TestService with @grpc/grpc-js. Usage: server.js DESCRIPTORS [CERTIFICATE KEY]
'use strict';

const { EventEmitter, once } = require('events');
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');
const { FileDescriptorSet } = require('protobufjs/ext/descriptor');

const [descriptors, certificate, key] = process.argv.slice(2);
const set = fs.readFileSync(descriptors);
const { service } = grpc.loadPackageDefinition(
  loader.loadFileDescriptorSetFromBuffer(set, { keepCase: true, defaults: true })).grpc.testing.TestService;
const types = protobuf.Root.fromDescriptor(FileDescriptorSet.decode(set));
const Status = types.lookupType('google.rpc.Status');
const Payload = types.lookupType('grpc.testing.Payload');
// The library writes the names of fields in its own way, depending on where it has the type from.
const typeURL = 'typeUrl' in types.lookupType('google.protobuf.Any').fields ? 'typeUrl' : 'type_url';
const limit = 16 << 20;

// events emits each event when it happens, and happened keeps what has.
const events = new EventEmitter().setMaxListeners(0);
const happened = new Set();

function happens(event) {
  happened.add(event);
  events.emit(event);
}

async function wait(event) {
  if (!happened.has(event)) await once(events, event);
}

const asked = (call, name) => call.metadata.get(name)[0];

// begin echoes metadata and returns what goes into the trailer. held: the call was, until its client gave it up.
async function begin(call) {
  const header = new grpc.Metadata();
  const trailer = new grpc.Metadata();
  for (const name of Object.keys(call.metadata.getMap()).filter((k) => k.startsWith('echo-'))) {
    for (const value of call.metadata.get(name)) {
      header.add(name, value);
      trailer.add(name, value);
    }
  }
  const at = Number(call.getDeadline());
  if (Number.isFinite(at)) header.add('time-left-ms', String(at - Date.now()));
  const token = asked(call, 'hold');
  if (token) {
    const cancelled = once(call, 'cancelled');
    happens(`begin/${token}`);
    if (!call.cancelled) await cancelled;
    happens(`end/${token}`);
    return { trailer, held: true };
  }
  call.sendMetadata(header);
  return { trailer, held: false };
}

// wanted is the error that a request wants.
function wanted(request, trailer) {
  const { code, message } = request.response_status ?? { code: 0 };
  if (code === 0) return null;
  const value = Payload.encode(request.payload ?? {}).finish();
  const detail = { [typeURL]: 'type.googleapis.com/grpc.testing.Payload', value };
  trailer.add('grpc-status-details-bin', Buffer.from(Status.encode({ code, message, details: [detail] }).finish()));
  return { code, details: message, metadata: trailer };
}

async function untilDraining(call) {
  if (asked(call, 'until') === 'draining') await wait('draining');
}

const handlers = {
  async EmptyCall(call, callback) {
    const event = asked(call, 'await');
    if (event) await wait(event);
    callback(null, {});
  },
  async UnaryCall(call, callback) {
    const { trailer, held } = await begin(call);
    if (held) return;
    if (asked(call, 'until')) happens('begin/draining');
    await untilDraining(call);
    const err = wanted(call.request, trailer);
    if (err) callback(err);
    else callback(null, { payload: call.request.payload }, trailer);
  },
  async StreamingOutputCall(call) {
    const { trailer } = await begin(call);
    for (const _ of call.request.response_parameters) {
      if (!call.write({ payload: call.request.payload })) await once(call, 'drain');
    }
    const err = wanted(call.request, trailer);
    if (err) call.emit('error', err);
    else call.end(trailer);
  },
  async StreamingInputCall(call, callback) {
    const { trailer } = await begin(call);
    let sum = 0;
    for await (const m of call) sum += m.payload ? m.payload.body.length : 0;
    callback(null, { aggregated_payload_size: sum }, trailer);
  },
  async FullDuplexCall(call) {
    const { trailer, held } = await begin(call);
    if (held) return;
    let first = true;
    // At its end an iterator destroys the stream unless told otherwise, and with it the direction that is still open.
    for await (const request of call.iterator({ destroyOnReturn: false })) {
      const err = wanted(request, trailer);
      if (err) {
        call.emit('error', err);
        return;
      }
      if (!call.write({ payload: request.payload })) await once(call, 'drain');
      if (first) await untilDraining(call);
      first = false;
    }
    call.end(trailer);
  },
};

const server = new grpc.Server({
  'grpc.max_receive_message_length': limit,
  'grpc.max_send_message_length': limit,
  'grpc.max_concurrent_streams': 100,
});
server.addService(service, handlers);
const credentials = certificate
  ? grpc.ServerCredentials.createSsl(null, [
    { cert_chain: fs.readFileSync(certificate), private_key: fs.readFileSync(key) }])
  : grpc.ServerCredentials.createInsecure();
server.bindAsync('127.0.0.1:0', credentials, (err, port) => {
  if (err) throw err;
  console.log(`127.0.0.1:${port}`);
});
process.on('SIGTERM', () => {
  server.tryShutdown((err) => process.exit(err ? 1 : 0));
  happens('draining');
  console.log('draining');
});
