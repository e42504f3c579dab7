# A client of grpc.testing.TestService with grpc. Usage: client.rb CASE ADDRESS DESCRIPTORS [CA-FILE]
require 'grpc'
require 'google/protobuf/descriptor_pb'
require 'google/protobuf/any_pb'
require 'securerandom'

SERVICE = '/grpc.testing.TestService/'.freeze
LIMIT = 16 << 20
MESSAGE = "\t\nüber 100 %25 ☺ and 😈\r\n%".freeze
ECHO = {
  'echo-text' => 'plain, with a comma',
  'echo-many' => %w[1 2],
  'echo-long' => 'x' * 3000,
  'echo-raw-bin' => "\x00\x01\xFE\xFF".b,
  'echo-many-bin' => ["\x01".b, "\x02,\x03".b]
}.freeze
BadStatus = GRPC::BadStatus
Codes = GRPC::Core::StatusCodes

name, address, descriptors, ca = ARGV
pool = Google::Protobuf::DescriptorPool.generated_pool
Google::Protobuf::FileDescriptorSet.decode(File.binread(descriptors)).file.each do |f|
  next if f.name == 'google/protobuf/any.proto' # which the library has

  pool.add_serialized_file(Google::Protobuf::FileDescriptorProto.encode(f))
end
TYPES = Hash.new { |h, k| h[k] = pool.lookup(k).msgclass }

# Client has the cases, a method each.
class Client
  def initialize(address, ca, gzip)
    args = { 'grpc.max_receive_message_length' => LIMIT, 'grpc.max_send_message_length' => LIMIT }
    args['grpc.default_compression_algorithm'] = 2 if gzip
    credentials = ca ? GRPC::Core::ChannelCredentials.new(File.read(ca)) : :this_channel_is_insecure
    @stub = GRPC::ClientStub.new(address, credentials, channel_args: args)
  end

  def unary
    ['', 'hello', 'abc' * 30_000].each { |body| expect('response', call(simple(body)).payload.body, body.b) }
  end

  def client_stream
    [[1, 0, 20_000, 300], []].each do |sizes|
      requests = sizes.map { |n| message('StreamingInputCallRequest', payload: payload('x' * n)) }
      r = @stub.client_streamer("#{SERVICE}StreamingInputCall", requests, *codec('StreamingInputCallResponse'))
      expect('sum', r.aggregated_payload_size, sizes.sum)
    end
  end

  def server_stream
    [5, 0].each { |n| expect('responses', output_call(output('abc', n)).map { |m| m.payload.body }, ['abc'] * n) }
  end

  def bidi
    requests = Queue.new
    responses = duplex(Enumerator.new { |y| while (r = requests.pop) do y << r end })
    20.times do |i|
      body = i.to_s * 1000
      requests << output(body)
      expect("response #{i}", responses.next.payload.body, body)
    end
    requests << nil
    expect('the rest', rest(responses), [])
  end

  def metadata
    op = operation(simple(''), metadata: ECHO)
    op.execute
    echoed('header', op.metadata)
    echoed('trailer', op.trailing_metadata)
  end

  def deadline
    op = operation(simple(''), deadline: Time.now + 60)
    op.execute
    left = op.metadata['time-left-ms'].to_i
    raise "the server thinks that #{left} ms are left of 60 s" unless left.between?(40_000, 60_000)

    [->(o) { call(simple(''), **o) }, ->(o) { duplex([output('')], **o).to_a }].each do |f|
      token = SecureRandom.uuid
      e = failure { f.call(metadata: { 'hold' => token }, deadline: Time.now + 0.5) }
      expect('code', e.code, Codes::DEADLINE_EXCEEDED)
      await("end/#{token}")
    end
  end

  def cancel
    token = SecureRandom.uuid
    op = operation(simple(''), metadata: { 'hold' => token })
    failed = Thread.new { failure { op.execute } }
    await("begin/#{token}")
    op.cancel
    expect('code', failed.value.code, Codes::CANCELLED)
    await("end/#{token}")
  end

  def status
    wanted = { code: 9, message: MESSAGE }
    e = failure { call(simple("\x00detail", wanted), metadata: ECHO) }
    check_status(e, "\x00detail")
    echoed('trailer', e.metadata)
    (1..16).each { |code| expect('code', failure { call(simple('', { code: code })) }.code, code) }
  end

  def stream_status
    wanted = { code: 9, message: MESSAGE }
    responses = output_call(output('abc', 2, wanted)).each
    2.times { expect('response', responses.next.payload.body, 'abc') }
    check_status(failure { responses.next }, 'abc')
    check_status(failure { duplex([output('', 0, wanted)]).to_a }, '')
  end

  def unimplemented
    ["#{SERVICE}Nothing", '/grpc.testing.Nothing/Nothing'].each do |path|
      e = failure { @stub.request_response(path, message('Empty'), *codec('Empty')) }
      expect(path, e.code, Codes::UNIMPLEMENTED)
    end
  end

  def large
    body = 'abcdefghijk' * (8 << 20).div(11)
    expect('unary', call(simple(body)).payload.body == body, true)
    expect('bidi', duplex([output(body)] * 2).map { |m| m.payload.body == body }, [true, true])
  end

  def flow
    expect('bytes', duplex([output('x' * 30_000)] * 300).sum { |m| m.payload.body.bytesize }, 9_000_000)
  end

  def gzip
    body = "\0" * (1 << 20)
    options = { metadata: { 'compress' => 'gzip' } }
    expect('unary', call(simple(body), **options).payload.body == body, true)
    expect('bidi', duplex([output(body)], **options).map { |m| m.payload.body == body }, [true])
  end

  def concurrent
    call(simple('')) # so that there is a connection
    threads = Array.new(150) { |i| Thread.new { [call(simple(i.to_s)).payload.body, i.to_s] } }
    threads.each { |t| expect('response', *t.value) }
  end

  def drain
    requests = Queue.new
    until_draining = { metadata: { 'until' => 'draining' } }
    responses = duplex(Enumerator.new { |y| while (r = requests.pop) do y << r end }, **until_draining)
    requests << output('1')
    expect('first', responses.next.payload.body, '1')
    held = Thread.new { call(simple('held'), **until_draining) }
    await('begin/draining')
    puts 'in flight'
    $stdout.flush
    expect('unary, held', held.value.payload.body, 'held')
    requests << output('2')
    expect('second', responses.next.payload.body, '2')
    expect('a new call', failure { call(simple(''), deadline: Time.now + 10) }.code, Codes::UNAVAILABLE)
    requests << nil
    expect('the rest', rest(responses), [])
  end

  private

  def expect(what, got, want)
    raise "#{what}: got #{got.inspect[0, 500]}, want #{want.inspect[0, 500]}" unless got == want
  end

  def failure
    yield
  rescue BadStatus => e
    e
  else
    raise 'the call succeeded'
  end

  def message(type, **fields) = TYPES["grpc.testing.#{type}"].new(**fields)
  def payload(body) = message('Payload', body: body.b)
  def echo_status(fields) = fields && message('EchoStatus', **fields)

  def simple(body, status = nil)
    message('SimpleRequest', payload: payload(body), response_status: echo_status(status))
  end

  def output(body, times = 0, status = nil)
    message('StreamingOutputCallRequest', payload: payload(body), response_status: echo_status(status),
                                          response_parameters: Array.new(times) { message('ResponseParameters') })
  end

  # codec returns what encodes requests and decodes responses.
  def codec(response) = [->(m) { m.class.encode(m) }, ->(b) { TYPES["grpc.testing.#{response}"].decode(b) }]

  def call(request, **options)
    @stub.request_response("#{SERVICE}UnaryCall", request, *codec('SimpleResponse'), **options)
  end

  def operation(request, **options) = call(request, return_op: true, **options)

  def output_call(request)
    @stub.server_streamer("#{SERVICE}StreamingOutputCall", request, *codec('StreamingOutputCallResponse'))
  end

  def duplex(requests, **options)
    @stub.bidi_streamer("#{SERVICE}FullDuplexCall", requests, *codec('StreamingOutputCallResponse'), **options)
  end

  def rest(responses)
    all = []
    loop { all << responses.next }
    all
  end

  def await(event)
    @stub.request_response("#{SERVICE}EmptyCall", message('Empty'), *codec('Empty'),
                           metadata: { 'await' => event }, deadline: Time.now + 20)
  end

  def echoed(what, got)
    ECHO.each { |k, v| expect("#{what} #{k}", got[k], v) }
  end

  def check_status(err, body)
    expect('code and message', [err.code, err.details.dup.force_encoding('UTF-8')], [9, MESSAGE])
    status = TYPES['google.rpc.Status'].decode(err.metadata['grpc-status-details-bin'])
    expect('code and message of details', [status.code, status.message], [9, MESSAGE])
    got = status.details.map { |d| [d.type_url, TYPES['grpc.testing.Payload'].decode(d.value).body] }
    expect('details', got, [['type.googleapis.com/grpc.testing.Payload', body.b]])
  end
end

begin
  Client.new(address, ca, name == 'gzip').public_send(name)
rescue StandardError => e
  abort "#{name}: #{e.full_message(highlight: false)}"
end
