// SPDX-License-Identifier: MIT

// The peer on js-libp2p; tests/interop/run says what a peer does.

import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const ECHO = '/echo/1.0.0'
const LATE = '/late/1.0.0'
const RESET = '/reset/1.0.0'
const PERF = '/perf/1.0.0'
const UPLOAD = 8 << 20
const DOWNLOAD = 32 << 20
const STREAMS_MAX = 256

function newNode (tlsOnly, addresses) {
  return createLibp2p({
    nodeInfo: { userAgent: 'js-interop/1' },
    addresses: { listen: addresses },
    transports: [tcp()],
    connectionEncrypters: tlsOnly ? [tls()] : [tls(), noise()],
    streamMuxers: [yamux()],
    // A ping's stream counts until the other side has finished it, too: the next one may come before.
    services: { identify: identify(), ping: ping({ maxOutboundStreams: 4 }) }
  })
}

const once = (target, event) =>
  new Promise(resolve => target.addEventListener(event, resolve, { once: true }))

// Calls take with all that comes, and resolves when no more will: "end" comes after the last bytes.
function readTo (stream, take) {
  const ended = once(stream, 'end')
  stream.addEventListener('message', event => take(event.data.subarray()))
  return (stream.readableEnded ? Promise.resolve() : ended).then(() => {
    if (stream.status === 'reset' || stream.status === 'aborted') throw new Error('the stream was reset')
  })
}

async function readAll (stream) {
  const parts = []
  await readTo(stream, part => parts.push(part))
  return Buffer.concat(parts)
}

async function writeAll (stream, data) {
  for (let at = 0; at < data.length; at += 65536) {
    if (!stream.send(data.subarray(at, at + 65536))) {
      await Promise.race([once(stream, 'drain'), once(stream, 'close')])
    }
  }
  await stream.close()
}

async function echo (stream) {
  await readTo(stream, part => stream.send(part))
  await stream.close()
}

// Its dialer says in eight bytes how much it wants, and sends until it finishes.
async function perf (stream) {
  const got = await readAll(stream)
  const wanted = Number(got.readBigUInt64BE())
  await writeAll(stream, Buffer.alloc(wanted))
  console.error(`perf: got ${got.length - 8}, sent ${wanted}`)
}

async function measure (connection) {
  const stream = await connection.newStream(PERF)
  const data = Buffer.alloc(8 + UPLOAD)
  data.writeBigUInt64BE(BigInt(DOWNLOAD))
  const [back] = await Promise.all([readAll(stream), writeAll(stream, data)])
  if (back.length !== DOWNLOAD) throw new Error(`${back.length} bytes came`)
}

async function serve (node) {
  const options = { maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX }
  const giveUp = stream => error => stream.abort(error)
  await node.handle(ECHO, stream => echo(stream).catch(giveUp(stream)), options)
  await node.handle(LATE, stream => readAll(stream).then(all => writeAll(stream, all)).catch(giveUp(stream)))
  await node.handle(PERF, stream => perf(stream).catch(giveUp(stream)))
  await node.handle(RESET, stream => {
    stream.addEventListener('message', () => stream.abort(new Error('as asked')), { once: true })
  })
}

async function roundTrip (connection, protocol, size) {
  const stream = await connection.newStream(protocol)
  const data = randomBytes(size)
  const [back] = await Promise.all([readAll(stream), writeAll(stream, data)])
  if (Buffer.compare(data, back) !== 0) throw new Error(`${size} bytes came back as ${back.length} others`)
}

async function pings (node, connection, count) {
  for (let i = 0; i < count; i++) await node.services.ping.ping(connection.remotePeer)
}

async function resets (connection) {
  const theirs = await connection.newStream(RESET)
  const ended = readAll(theirs)
  theirs.send(new Uint8Array(1))
  await ended.then(() => { throw new Error('not reset') }, () => {})
  if (theirs.status !== 'reset') throw new Error(`not reset: ${theirs.status}`)
  const own = await connection.newStream(ECHO)
  own.send(new Uint8Array(1))
  own.abort(new Error('as asked'))
  await roundTrip(connection, ECHO, 1000)
}

async function idle (node, connection) {
  await pings(node, connection, 1)
  await new Promise(resolve => setTimeout(resolve, 30000))
  if (connection.status !== 'open') throw new Error('the connection did not last')
  await pings(node, connection, 1)
}

async function closes (node, connection) {
  await pings(node, connection, 1)
  const closed = once(connection, 'close')
  console.log('connected')
  await closed
}

function isKnown ({ detail }, agent, protocol) {
  if (!detail.agentVersion?.startsWith(agent)) throw new Error(`agent ${detail.agentVersion}`)
  for (const name of [protocol, '/ipfs/ping/1.0.0']) {
    if (!detail.protocols.includes(name)) throw new Error(`protocols ${detail.protocols}`)
  }
}

const TESTS = {
  connect: () => {},
  ping: (node, connection) => pings(node, connection, 100),
  echo: (node, connection) => roundTrip(connection, ECHO, 64 << 20),
  echo100: (node, connection) =>
    Promise.all(Array.from({ length: 100 }, () => roundTrip(connection, ECHO, Math.floor((64 << 20) / 100)))),
  half: (node, connection) => roundTrip(connection, LATE, 1 << 20),
  perf: (node, connection) => measure(connection),
  reset: (node, connection) => resets(connection),
  idle,
  close: closes
}

// Why dialling has to fail.
const REFUSALS = {
  'wrong-id': /does not match expected/,
  tls: /could not negotiate/
}

async function refused (dialled, reason) {
  const error = await dialled.then(() => new Error('connected all the same'), error => error)
  if (!reason.test(error.message)) throw error
}

async function dial (address, test, ...known) {
  const node = await newNode(test === 'tls', [])
  await serve(node)
  const identified = once(node, 'peer:identify')
  const dialled = node.dial(multiaddr(address))
  if (REFUSALS[test]) {
    await refused(dialled, REFUSALS[test])
  } else {
    const connection = await dialled
    const event = await identified
    if (test === 'identify') isKnown(event, ...known)
    else await TESTS[test](node, connection)
  }
  await node.stop()
}

async function listen (tlsOnly) {
  const node = await newNode(tlsOnly, ['/ip4/127.0.0.1/tcp/0'])
  await serve(node)
  console.log(`listening ${node.getMultiaddrs()[0]}`)
  for await (const _ of process.stdin);
  await node.stop()
}

const { positionals: [what, ...rest], values } =
  parseArgs({ allowPositionals: true, options: { 'tls-only': { type: 'boolean' } } })
await (what === 'listen' ? listen(values['tls-only']) : dial(...rest))
