// Calls methods of test.Echo over WebSocket with npm's ws, at the address that is the argument, and prints "ok".
"use strict";
const WebSocket = require("../../foreign/testdata/node/node_modules/ws");
const assert = require("node:assert");

const address = process.argv[2];

// call opens a socket, sends messages, and returns what came, and the status.
function call(method, send, options) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${address}/test.Echo/${method}`, "fairlead.json", options);
    const got = [];
    socket.on("open", () => send.forEach((m) => socket.send(JSON.stringify(m))));
    socket.on("message", (data, binary) => {
      assert(!binary);
      got.push(JSON.parse(data));
    });
    socket.on("close", (code, reason) => resolve({ got, code, reason: reason.toString() }));
    socket.on("error", reject);
  });
}

// envelopes are binary messages, in parts.
function envelopes() {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${address}/test.Echo/Chat`, ["other", "fairlead.msg"]);
    const text = "y".repeat(100_000);
    const b = Buffer.alloc(6 + text.length);
    b.writeUInt32BE(1 + text.length, 1);
    b[5] = 2;
    b.write(text, 6);
    const got = [];
    socket.on("open", () => {
      assert.strictEqual(socket.protocol, "fairlead.msg");
      for (let i = 0; i < b.length; i += 999) {
        socket.send(b.subarray(i, i + 999), { fin: i + 999 >= b.length, binary: true });
        if (i % 5 === 0) socket.ping("between");
      }
      socket.send(Buffer.from([2, 0, 0, 0, 0]));
    });
    socket.on("message", (data) => got.push(data));
    socket.on("close", (code) => {
      assert.strictEqual(code, 1000);
      assert.strictEqual(got.length, 2);
      assert(got[0].equals(b));
      assert.strictEqual(got[1].subarray(5).toString(), "{}");
      resolve();
    });
    socket.on("error", reject);
  });
}

(async () => {
  assert.deepStrictEqual(await call("Unary", [{ message: { text: "a", n: 1 } }]), {
    got: [{ message: { text: "a", n: 1 } }, { end: {} }], code: 1000, reason: "",
  });
  assert.deepStrictEqual(await call("Unary", [{ header: {} }, { message: { text: "fail", n: 7 } }]), {
    got: [{ end: { error: { code: "not_found", message: "no 7" } } }], code: 4005, reason: "no 7",
  });
  const many = await call("Scatter", [{ message: { text: "é", n: 1000 } }]);
  assert.strictEqual(many.got.length, 1001);
  assert.strictEqual(many.got[999].message.n, 999);
  const sum = await call("Gather", [...Array(100).keys()].map((n) => ({ message: { n } })).concat({ end: true }));
  assert.strictEqual(sum.got[0].message.n, 4950);
  const chat = await call("Chat", [{ message: { text: "x".repeat(70000) } }, { end: true }]);
  assert.strictEqual(chat.got[0].message.text.length, 70000);
  await envelopes();
  await assert.rejects(call("Unary", [], { origin: "https://evil.example" }), /403/);
  console.log("ok");
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
