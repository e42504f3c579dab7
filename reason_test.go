package fairlead

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"
)

// Two reasons and their types, as the generator makes them.
var (
	errOutOfStock = &Reason{
		Domain: "shop.example.com", Name: "OUT_OF_STOCK", Code: FailedPrecondition, HTTPStatus: 409, Message: "none left",
	}
	errBusy = &Reason{
		Domain: "shop.example.com", Name: "BUSY", Code: Unavailable, Retryable: true, RetryAfter: 1500 * time.Millisecond,
	}
)

type outOfStock struct{ ReasonError } //nolint:errname // as it is generated

func (e *outOfStock) FromError(err *Error) bool { return e.Match(errOutOfStock, err) }

type busy struct{ ReasonError }

func (e *busy) FromError(err *Error) bool { return e.Match(errBusy, err) }

// arrived returns err as the peer that it is sent to gets it.
func arrived(err error) error {
	e := ErrorOf(err)
	return PeerError(e.Code, e.Message, e.Details)
}

func TestReason(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		err     error
		message string
		sku     string
	}{
		{"made", errOutOfStock.Errorf("sku %d", 7).With("sku", "7"), "sku 7", "7"},
		{"without a message", errOutOfStock.Errorf(""), "none left", ""},
		{"the reason itself", errOutOfStock, "none left", ""},
		{"wrapped", fmt.Errorf("ordering: %w", errOutOfStock.Errorf("x").With("sku", "7")), "x", "7"},
		{"the reason itself, wrapped", fmt.Errorf("ordering: %w", errOutOfStock), "none left", ""},
		{"joined", errors.Join(fs.ErrExist, errOutOfStock.Errorf("x")), "x", ""},
		{"arrived", arrived(errOutOfStock.Errorf("x").With("sku", "8").With("sku", "7")), "x", "7"},
		{"arrived, wrapped", fmt.Errorf("ordering: %w", arrived(errOutOfStock)), "none left", ""},
		{"as its type", func() error {
			var e outOfStock
			errors.As(errOutOfStock.Errorf("x").With("sku", "7"), &e)
			return e
		}(), "x", "7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !errors.Is(tt.err, errOutOfStock) || errors.Is(tt.err, errBusy) {
				t.Error("errors.Is does not tell the reason")
			}
			if other, ok := errors.AsType[busy](tt.err); ok {
				t.Errorf("it is %v as well", other)
			}
			var e outOfStock
			if !errors.As(tt.err, &e) {
				t.Fatal("errors.As does not find it")
			}
			if e.Err.Message != tt.message || e.Err.Code != FailedPrecondition || e.Metadata["sku"] != tt.sku {
				t.Errorf("got %v with %v, want %q with sku %q", e.Err, e.Metadata, tt.message, tt.sku)
			}
			if got := e.HTTPStatus(); got != 409 {
				t.Errorf("HTTP status is %d, want 409", got)
			}
			if _, ok := e.Retryable(); ok {
				t.Error("it claims to be retryable")
			}
			if got := CodeOf(tt.err); got != FailedPrecondition {
				t.Errorf("CodeOf is %v", got)
			}
			if want := "FAILED_PRECONDITION: " + tt.message; e.Error() != want {
				t.Errorf("text is %q, want %q", e.Error(), want)
			}
		})
	}
}

func TestReasonCauses(t *testing.T) {
	t.Parallel()
	err := errOutOfStock.Errorf("reading: %w", fs.ErrNotExist)
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, errOutOfStock) {
		t.Errorf("got %v, which lost its cause or its reason", err)
	}
}

func TestNotThatReason(t *testing.T) {
	t.Parallel()
	var none *Error
	elsewhere := &Reason{Domain: "other.example.com", Name: "OUT_OF_STOCK", Code: FailedPrecondition}
	for _, err := range []error{
		none,
		Errorf(FailedPrecondition, "x"),
		Errorf(FailedPrecondition, "x").With("sku", "7"),
		arrived(elsewhere),
		arrived(errBusy.Errorf("x")),
		PeerError(FailedPrecondition, "x", []Detail{{Type: errorInfoType, Value: []byte{0xff}}}),
		fs.ErrExist,
	} {
		var e outOfStock
		if errors.Is(err, errOutOfStock) || errors.As(err, &e) {
			t.Errorf("%v is taken for out of stock", err)
		}
	}
	if (ReasonError{}).Unwrap() != nil || (ReasonError{}).Error() == "" {
		t.Error("an empty error does not say so")
	}
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		err   *Error
		after time.Duration
		ok    bool
	}{
		{"nil", nil, 0, false},
		{"none", Errorf(Unavailable, "x"), 0, false},
		{"by its reason", errBusy.Errorf(""), 1500 * time.Millisecond, true},
		{"arrived", ErrorOf(arrived(errBusy)), 1500 * time.Millisecond, true},
		{"at once", Errorf(Unavailable, "x").WithRetryAfter(0), 0, true},
		{"negative", Errorf(Unavailable, "x").WithRetryAfter(-1), 0, true},
		{"said twice", errBusy.Errorf("").WithRetryAfter(time.Hour + 1), time.Hour + 1, true},
		{"not to be read", Errorf(Unavailable, "x").WithDetail(retryInfoType, []byte{0x0a, 5}), 0, false},
	}
	for _, tt := range tests {
		if after, ok := tt.err.Retryable(); after != tt.after || ok != tt.ok {
			t.Errorf("%s: got %v, %v, want %v, %v", tt.name, after, ok, tt.after, tt.ok)
		}
	}
	var e busy
	if !errors.As(arrived(errBusy), &e) {
		t.Fatal("not found")
	}
	if after, ok := e.Retryable(); after != errBusy.RetryAfter || !ok {
		t.Errorf("got %v, %v", after, ok)
	}
	if len(errBusy.Errorf("").WithRetryAfter(1).Details) != 2 {
		t.Error("the delay is there twice")
	}
}

func TestHTTPStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		got, want int
	}{
		{(*Error)(nil).HTTPStatus(), 200},
		{errOutOfStock.Errorf("").HTTPStatus(), 409},
		{ErrorOf(fmt.Errorf("x: %w", errOutOfStock)).HTTPStatus(), 409},
		{ErrorOf(arrived(errOutOfStock)).HTTPStatus(), 400},
		{errBusy.Errorf("").HTTPStatus(), 503},
		{Errorf(Aborted, "x").HTTPStatus(), 409},
		{Code(77).HTTPStatus(), 500},
	}
	for i, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%d: got %d, want %d", i, tt.got, tt.want)
		}
	}
	// https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
	want := [codeCount]int{200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401}
	for c, status := range want {
		if got := Code(c).HTTPStatus(); got != status {
			t.Errorf("%v: got %d, want %d", Code(c), got, status)
		}
	}
}

// TestErrorOfKeepsReason sees that an error which claims to be a success does not lose what else it says.
func TestErrorOfKeepsReason(t *testing.T) {
	t.Parallel()
	odd := &Reason{Domain: "d", Name: "ODD", HTTPStatus: 418}
	if e := ErrorOf(odd.Errorf("x")); e.Code != Unknown || e.HTTPStatus() != 418 || !errors.Is(e, odd) {
		t.Errorf("got %v with status %d", e, e.HTTPStatus())
	}
}
