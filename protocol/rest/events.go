package rest

import (
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
)

// The texts of a stream of responses (https://html.spec.whatwg.org/multipage/server-sent-events.html). JSON has no line
// breaks, so that a message is one line.
const (
	dataField  = "data: "
	eventEnd   = "\n\n"
	comment    = ":\n\n"
	errorEvent = "event: error\n"
	endEvent   = "event: end\n"

	// endID is the id of the last event. An EventSource that comes back sends it, and is told to stay away.
	endID = "$end"
)

// SetEventID sets the id of the next event that a handler sends on a stream of server-sent events. It is for methods
// that resume: a browser that comes back after a broken connection sends the id of the last event that it has received
// as the field last-event-id, which is in Call.RequestHeader. The text may not contain line breaks or NUL, and not
// begin with '$': SetEventID returns an error then. It does nothing for calls that are not such streams. It may be
// called by the goroutine that sends.
func SetEventID(c *fairlead.Call, id string) error {
	if strings.ContainsAny(id, "\r\n\x00") || strings.HasPrefix(id, "$") {
		return fairlead.Errorf(fairlead.Internal, "%q cannot be the id of an event", id)
	}
	if st, ok := c.Wire().Driver().(*stream); ok {
		st.sending.Lock()
		st.eventID = id
		st.sending.Unlock()
	}
	return nil
}

// beforeMessage returns what stands before a message of the response.
func (st *stream) beforeMessage() string {
	switch st.format {
	case array:
		if st.sent == 0 {
			return "["
		}
		return ","
	case events:
		if st.eventID != "" {
			return "id: " + st.eventID + "\n" + dataField
		}
		return dataField
	case lines:
	}
	return ""
}

// afterMessage returns what stands behind a message of the response.
func (st *stream) afterMessage() string {
	switch st.format {
	case array:
		return ""
	case events:
		return eventEnd
	case lines:
	}
	return "\n"
}

// appendError appends the end of a stream that has failed.
func (st *stream) appendError(dst []byte, err error) []byte {
	body, _, e := st.s.newProblem(err)
	if st.format == events {
		// Coming back is for streams that may go on then. Others would fail for ever.
		after, again := e.Retryable()
		if e.Code == fairlead.Unavailable {
			again = true
		}
		if !again {
			dst = append(dst, "id: "+endID+"\n"...)
		} else if after > 0 {
			dst = appendRetry(dst, after)
		}
		dst = append(append(append(dst, errorEvent+dataField...), body...), eventEnd...)
		return dst
	}
	dst = append(dst, st.beforeMessage()...)
	dst = append(append(append(dst, `{"error":`...), body...), '}')
	if st.format == array {
		return append(dst, ']')
	}
	return append(dst, '\n')
}

// appendEnd appends the end of a stream that is complete.
func (st *stream) appendEnd(dst []byte) []byte {
	switch st.format {
	case array:
		if st.sent == 0 {
			dst = append(dst, '[')
		}
		return append(dst, ']')
	case events:
		return append(dst, "id: "+endID+"\n"+endEvent+dataField+"{}"+eventEnd...)
	case lines:
	}
	return dst
}

// appendRetry appends how long an EventSource waits before it comes back.
func appendRetry(dst []byte, d time.Duration) []byte {
	dst = strconv.AppendInt(append(dst, "retry: "...), int64((d+time.Millisecond-1)/time.Millisecond), 10)
	return append(dst, eventEnd...)
}

// startBeat has a comment sent whenever a stream of events was silent for a while.
func (st *stream) startBeat() {
	d := st.s.opts.heartbeat
	if st.format != events || d == 0 || !st.kind.ServerStreams() || st.rule.RawResult != nil {
		return
	}
	st.sending.Lock()
	defer st.sending.Unlock()
	st.lastAt = time.Now()
	st.beat = time.AfterFunc(d, st.heartbeat)
}

// heartbeat runs in the timer's goroutine.
func (st *stream) heartbeat() {
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.over {
		return
	}
	d := st.s.opts.heartbeat
	silent := time.Since(st.lastAt)
	if silent >= d {
		if !st.begun.Load() {
			// The metadata is the handler's, which may be adding to it.
			h := section(st.status, eventsBlock, nil)
			if st.sendSection(&h) != nil {
				return // the handler learns why
			}
		}
		if st.sendBytes([]byte(comment)) != nil {
			return
		}
		silent = 0
	}
	st.beat.Reset(d - silent)
}
