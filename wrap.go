package fairlead

import "slices"

// Wrap returns a copy of impl with mw around each of its methods; the first is outermost. It is for middleware of one
// service only:
//
//	server.Service(fairlead.Wrap(shop.Shop(svc), audit))
//
// The server's middleware (server.Use) is outside of it, and the validation of requests (server.Validation) inside. The
// server builds the chain in New, once for each method, and the Site is the same as for other middleware, including
// Fail. If a service is wrapped again, the later middleware is outside. Wrap does not change impl. It returns nil if
// impl is nil.
func Wrap(impl *Implementation, mw ...Middleware) *Implementation {
	if impl == nil {
		return nil
	}
	wrapped := *impl
	wrapped.Middleware = slices.Concat(mw, impl.Middleware)
	return &wrapped
}
