package http2

// NumStreams returns the number of streams that are not over.
func (c ServerConn) NumStreams() int {
	c.smu.Lock()
	defer c.smu.Unlock()
	return c.s.open
}
