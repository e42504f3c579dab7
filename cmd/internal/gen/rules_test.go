package gen_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/validate"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/validate/shared"
	"github.com/fairlead-go/fairlead/internal/assert"
	rules "github.com/fairlead-go/fairlead/middleware/validate"
)

// order is valid.
func order() *validate.OrderRequest {
	agreed := true
	return &validate.OrderRequest{
		Id:       "550e8400-e29b-41d4-a716-446655440000",
		Email:    "ann@example.com",
		Items:    []*validate.Item{{Sku: "a", Amount: 1, Size: 7, Part: &validate.Item{Sku: "b", Amount: 2, Size: 1}}},
		Labels:   map[string]string{"x-a": "1", "x-b": "2"},
		Payment:  &validate.OrderRequest_Account{Account: &shared.Account{Iban: "DE02120300000000202051"}},
		Patience: durationpb.New(time.Second),
		Made:     timestamppb.New(time.Unix(1_500_000_000, 0)),
		Mask:     &fieldmaskpb.FieldMask{Paths: []string{"items.sku", "labels"}},
		Extra:    &anypb.Any{TypeUrl: "type.googleapis.com/good.Thing"},
		Note:     wrapperspb.String("thanks"),
		Digest:   make([]byte, 32),
		Agreed:   &agreed,
	}
}

func sealed() *validate.Sealed {
	m := new(validate.Sealed)
	m.SetName("a")
	m.SetNumber(1)
	return m
}

// TestCompiledRules has one thing wrong at a time.
func TestCompiledRules(t *testing.T) {
	t.Parallel()
	if err := rules.Check(order()); err != nil {
		t.Fatalf("a valid order: %v", err)
	}
	tests := []struct {
		want  string
		spoil func(*validate.OrderRequest)
	}{
		{": message.oneof", func(m *validate.OrderRequest) { m.Email = "" }},
		{": message.oneof", func(m *validate.OrderRequest) { m.Phone = "+1234" }},
		{"payment: required", func(m *validate.OrderRequest) { m.Payment = nil }},
		{"id: string.uuid_empty", func(m *validate.OrderRequest) { m.Id = "" }},
		{"id: string.uuid", func(m *validate.OrderRequest) { m.Id = "x" }},
		{"email: string.email", func(m *validate.OrderRequest) { m.Email = "x" }},
		{"items: repeated.min_items", func(m *validate.OrderRequest) { m.Items = nil }},
		{"items[0].sku: string.in", func(m *validate.OrderRequest) { m.Items[0].Sku = "c" }},
		{"items[0].part.amount: int32.gt_lte", func(m *validate.OrderRequest) { m.Items[0].Part.Amount = 0 }},
		{"items[0].size: enum.not_in", func(m *validate.OrderRequest) { m.Items[0].Size = 0 }},
		{"items[0].size: enum.defined_only", func(m *validate.OrderRequest) { m.Items[0].Size = 2 }},
		{"items[0].sizes: repeated.unique", func(m *validate.OrderRequest) { m.Items[0].Sizes = []validate.Size{1, 1} }},
		{`labels["y"]: string.prefix`, func(m *validate.OrderRequest) { m.Labels["y"] = "" }},
		{`labels["x-c"]: string.max_bytes`, func(m *validate.OrderRequest) { m.Labels["x-c"] = strings.Repeat("a", 65) }},
		{"account.iban: string.min_len", func(m *validate.OrderRequest) {
			m.Payment = &validate.OrderRequest_Account{Account: &shared.Account{Iban: "DE"}}
		}},
		{"account.iban: string.min_len", func(m *validate.OrderRequest) {
			m.Payment = new(validate.OrderRequest_Account) // a member that is set, to nil
		}},
		{"card: string.len", func(m *validate.OrderRequest) { m.Payment = &validate.OrderRequest_Card{Card: "1"} }},
		{"patience: duration.gt_lte", func(m *validate.OrderRequest) { m.Patience = durationpb.New(time.Hour) }},
		{"made: timestamp.lt_now", func(m *validate.OrderRequest) { m.Made = timestamppb.New(time.Now().Add(time.Hour)) }},
		{"mask: field_mask.in", func(m *validate.OrderRequest) { m.Mask.Paths[0] = "item" }},
		{"extra: any.not_in", func(m *validate.OrderRequest) { m.Extra.TypeUrl = "type.googleapis.com/evil.Thing" }},
		{"note: required", func(m *validate.OrderRequest) { m.Note = nil }},
		{"note: string.not_contains", func(m *validate.OrderRequest) { m.Note.Value = "a\nb" }},
		{"digest: bytes.len", func(m *validate.OrderRequest) { m.Digest = []byte{1} }},
		{"agreed: required", func(m *validate.OrderRequest) { m.Agreed = nil }},
		{"agreed: bool.const", func(m *validate.OrderRequest) { *m.Agreed = false }},
	}
	for _, tt := range tests {
		m := order()
		tt.spoil(m)
		err := rules.Check(m)
		broken, ok := errors.AsType[*rules.Error](err)
		if fairlead.CodeOf(err) != fairlead.InvalidArgument || !ok || len(broken.Violations) != 1 {
			t.Errorf("want %s, got %v", tt.want, err)
			continue
		}
		if got := broken.Violations[0].Field + ": " + broken.Violations[0].Rule; got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
	if err := rules.Check((*validate.OrderRequest)(nil)); err == nil {
		t.Error("a nil message is valid")
	}
	if err := rules.Check(new(validate.OrderReply)); err != nil {
		t.Errorf("a message without rules: %v", err)
	}
}

func TestCompiledRulesOfOpaqueMessages(t *testing.T) {
	t.Parallel()
	if err := rules.Check(sealed()); err != nil {
		t.Errorf("a valid message: %v", err)
	}
	m := new(validate.Sealed)
	m.SetSealed(sealed())
	m.GetSealed().SetNumber(0)
	err := rules.Check(m)
	want := "name: must be set; and 1 more violation"
	broken, ok := errors.AsType[*rules.Error](err)
	if !ok || broken.Error() != want || broken.Violations[1].Field != "sealed.number" {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestRulesCostNothing validates messages that break no rule.
func TestRulesCostNothing(t *testing.T) { //nolint:paralleltest // it counts allocations
	mw, err := rules.New()
	if err != nil {
		t.Fatal(err)
	}
	method := validate.ShopOrderMethod
	c := fairlead.NewServerCall(&fairlead.ServerCall{Method: method, Peer: new(fairlead.Peer)})
	h := mw(fairlead.Site{Method: method}, func(context.Context, *fairlead.Call) error { return nil })
	ctx := c.Context()
	c.SetRequest(order())
	assert.Allocs(t, 0, func() {
		if err := h(ctx, c); err != nil {
			t.Error(err)
		}
	})
	c.SetRequest(sealed()) // whatever the method says, what comes is validated
	assert.Allocs(t, 0, func() {
		if err := h(ctx, c); err != nil {
			t.Error(err)
		}
	})
}
