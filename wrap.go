package fairlead

import "slices"

// Wrap returns impl with mw around each of its methods; the first is outermost. It is for middleware that one service
// alone has:
//
//	server.Service(fairlead.Wrap(shop.Shop(svc), audit))
//
// The middleware of the server (server.Use) is around it, and the check of requests (server.Validation) inside it. The
// server builds the chain in New, once for each method, so that the Site and its Fail are those of any other
// middleware. A service that is wrapped again has the later middleware outside. Wrap does not change impl, and returns
// nil if it is nil.
func Wrap(impl *Implementation, mw ...Middleware) *Implementation {
	if impl == nil {
		return nil
	}
	wrapped := *impl
	wrapped.Middleware = slices.Concat(mw, impl.Middleware)
	return &wrapped
}
