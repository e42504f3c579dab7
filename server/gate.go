package server

import "github.com/fairlead-go/fairlead"

// enter asks the gates in order about a call that is counted in the load already. If one refuses it, or panics, those
// before are left and the call is taken off the load.
func (s *Server) enter(c *fairlead.Call, size int) (err error) {
	entered, returned := 0, false
	defer func() {
		if !returned {
			err = s.cfg.panics.Caught(c.Method(), "Enter of a Gate", recover())
		}
		if err != nil || !returned {
			s.leave(c, entered, size)
		}
	}()
	for _, g := range s.cfg.gates {
		if err = g.Enter(c); err != nil {
			s.load.refused.Add(1)
			break
		}
		entered++
	}
	returned = true
	return err
}

// leave leaves the first n gates, in the reverse order, and takes the call off the load.
func (s *Server) leave(c *fairlead.Call, n, size int) {
	for n > 0 {
		n = s.leaveUntilPanic(c, n, size)
	}
	s.unload(size)
}

// leaveUntilPanic leaves the first n gates up to one that panics, which counts as left. It returns how many remain.
func (s *Server) leaveUntilPanic(c *fairlead.Call, n, size int) (left int) {
	left = n
	returned := false
	defer func() {
		if returned {
			return
		}
		p := recover()
		_ = s.cfg.panics.Caught(c.Method(), "Leave of a Gate", p) // it is logged, and the call has its result
		if p == nil {
			s.leave(c, left, size) // runtime.Goexit: nothing but deferred functions runs from here on
		}
	}()
	for left > 0 {
		left--
		s.cfg.gates[left].Leave(c)
	}
	returned = true
	return left
}
