package doctor

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// session is an HTTP/2 connection as a client, made of frames, so that nothing happens on it that a check does not see.
type session struct {
	conn   net.Conn
	framer *http2.Framer
	events chan event    // closed when reading has ended
	done   chan struct{} // closed when nobody wants events any more
}

// event is a frame from the server, or the end of the connection.
type event struct {
	at       time.Time
	settings *settings // the server's
	ping     *[8]byte  // of the server
	pong     byte      // the number of the PING that is answered; 0: none
	goaway   *goaway
	ended    bool // the call has ended
	err      error
}

// settings has the values of SETTINGS that checks read.
type settings struct {
	calls uint32 // at once, SETTINGS_MAX_CONCURRENT_STREAMS
	limit bool   // it was given
}

// goaway is the server's last word.
type goaway struct {
	code  http2.ErrCode
	debug string
}

// String returns the code, and what the server says of it.
func (g *goaway) String() string {
	if g.debug == "" {
		return g.code.String()
	}
	return fmt.Sprintf("%v %q", g.code, g.debug)
}

// openSession sends the preface (RFC 9113, section 3.4) and starts to read.
func openSession(conn net.Conn) (*session, error) {
	s := &session{
		conn: conn, framer: http2.NewFramer(conn, conn), events: make(chan event), done: make(chan struct{}),
	}
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, err := conn.Write([]byte(http2.ClientPreface))
	if err == nil {
		err = s.framer.WriteSettings()
	}
	if err != nil {
		return nil, lastWord(conn, err)
	}
	go s.read()
	return s, nil
}

// lastWord returns what a server has said before it hung up, a TLS alert, or else err, with which writing failed: with
// TLS 1.3 a server looks at a client's certificate when the client believes that the handshake is over.
func lastWord(conn net.Conn, err error) error {
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	_, said := conn.Read(make([]byte, 1))
	if op, ok := errors.AsType[*net.OpError](said); ok && op.Op == "remote error" { // as package tls reports an alert
		return said
	}
	return err
}

// close ends the connection and waits until reading has ended.
func (s *session) close() {
	close(s.done)
	_ = s.conn.Close()
	for range s.events { // until it is closed
	}
}

// read hands over what comes, one event at a time, until the connection ends.
func (s *session) read() {
	defer close(s.events)
	for {
		frame, err := s.framer.ReadFrame()
		e := event{at: time.Now(), err: err}
		if err == nil {
			e.take(frame)
		}
		select {
		case s.events <- e:
		case <-s.done:
			return
		}
		if err != nil {
			return
		}
	}
}

// take fills e with what a check wants to know.
func (e *event) take(frame http2.Frame) {
	switch frame := frame.(type) {
	case *http2.SettingsFrame:
		if !frame.IsAck() {
			e.settings = new(settings)
			e.settings.calls, e.settings.limit = frame.Value(http2.SettingMaxConcurrentStreams)
		}
	case *http2.PingFrame:
		if frame.IsAck() {
			e.pong = frame.Data[0]
		} else {
			e.ping = new(frame.Data)
		}
	case *http2.GoAwayFrame:
		e.goaway = &goaway{frame.ErrCode, string(frame.DebugData())}
	case *http2.MetaHeadersFrame:
		e.ended = frame.StreamEnded()
	case *http2.DataFrame:
		e.ended = frame.StreamEnded()
	case *http2.RSTStreamFrame:
		e.ended = true
	}
}

// answer sends what an event asks for.
func (s *session) answer(e *event) error {
	switch {
	case e.settings != nil:
		return s.framer.WriteSettingsAck()
	case e.ping != nil:
		return s.framer.WritePing(true, *e.ping)
	}
	return nil
}

// ping sends a PING with a number.
func (s *session) ping(number byte) error { return s.framer.WritePing(false, [8]byte{number}) }

// watchHealth opens a call that goes on as long as the server does: grpc.health.v1.Health/Watch of the whole server.
func (s *session) watchHealth(authority string, secure bool) error {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: scheme},
		{Name: ":path", Value: "/grpc.health.v1.Health/Watch"},
		{Name: ":authority", Value: authority},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
	} {
		if err := e.WriteField(field); err != nil {
			return err
		}
	}
	if err := s.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true,
	}); err != nil {
		return err
	}
	return s.framer.WriteData(1, true, make([]byte, 5)) // a message without fields, as gRPC frames it
}
