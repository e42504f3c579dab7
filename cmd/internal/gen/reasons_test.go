package gen_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/reasons"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/rest"
)

// TestMethodOptions sees the contract's options in the descriptors.
func TestMethodOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method      *fairlead.Method
		timeout     time.Duration
		criticality fairlead.Criticality
		idempotency fairlead.Idempotency
		rules       int
	}{
		{rest.BooksGetBookMethod, 1500 * time.Millisecond, fairlead.Sheddable, fairlead.NoSideEffects, 3},
		{rest.BooksUpdateBookMethod, 0, fairlead.CriticalPlus, 0, 1},
		{rest.BooksByPathMethod, 2 * time.Minute, 0, 0, 1},
		{rest.BooksPutBooksMethod, 0, 0, 0, 7},
	}
	for _, tt := range tests {
		m := tt.method
		if m.Timeout != tt.timeout || m.Criticality != tt.criticality || m.Idempotency != tt.idempotency ||
			len(m.HTTP) != tt.rules {
			t.Errorf("%s: got %v, %v, %v, %d rules", m.Name, m.Timeout, m.Criticality, m.Idempotency, len(m.HTTP))
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason *fairlead.Reason
		want   fairlead.Reason
	}{
		{reasons.ErrOutOfStock, fairlead.Reason{
			Domain: "shop.example.com", Name: "SHOP_ERROR_OUT_OF_STOCK", Code: fairlead.FailedPrecondition, HTTPStatus: 409,
			Message: "out of stock",
		}},
		{reasons.ErrBusy, fairlead.Reason{
			Domain: "shop.example.com", Name: "BUSY", Code: fairlead.Unavailable, Retryable: true,
			RetryAfter: 1500 * time.Millisecond,
		}},
		{reasons.ErrShopError2faMissing, fairlead.Reason{
			Domain: "shop.example.com", Name: "SHOP_ERROR_2FA_MISSING", Code: fairlead.Unauthenticated, Retryable: true,
		}},
		{reasons.ErrOrderError, fairlead.Reason{ // Order is a message
			Domain: "fairlead.gen.test.reasons.v1", Name: "MISHAP_ORDER", Code: fairlead.Canceled,
		}},
		{reasons.ErrClosed, fairlead.Reason{
			Domain: "fairlead.gen.test.reasons.v1", Name: "MISHAP_CLOSED", Code: fairlead.Internal,
		}},
		{reasons.ErrClosedError, fairlead.Reason{ // the second one of that name
			Domain: "fairlead.gen.test.reasons.v1", Name: "STATE_CLOSED", Code: fairlead.Aborted,
		}},
	}
	for _, tt := range tests {
		if *tt.reason != tt.want {
			t.Errorf("got %+v, want %+v", *tt.reason, tt.want)
		}
	}
}

func TestReasonTypes(t *testing.T) {
	t.Parallel()
	sent := reasons.NewOutOfStock("sku %d", 7).With("sku", "7")
	err := fmt.Errorf("ordering: %w", fairlead.PeerError(sent.Code, sent.Message, sent.Details))
	if !errors.Is(err, reasons.ErrOutOfStock) || errors.Is(err, reasons.ErrBusy) {
		t.Errorf("%v is not told to be out of stock", err)
	}
	e, ok := errors.AsType[reasons.OutOfStock](err)
	if !ok || e.Metadata["sku"] != "7" || e.Err.Message != "sku 7" || e.HTTPStatus() != 409 {
		t.Errorf("got %v, %v, %v", e, e.Metadata, ok)
	}
	if _, ok := errors.AsType[reasons.Busy](err); ok {
		t.Error("it is taken for another error")
	}
	//nolint:staticcheck // deprecated, and generated all the same
	if _, ok := errors.AsType[reasons.Gone](reasons.NewGone("")); !ok {
		t.Error("a deprecated one is not found")
	}
}
