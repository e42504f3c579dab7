package scaffold

import (
	"reflect"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, module string
		want         Variables // the fields that are compared
		err          string    // a part of it; "" for none
	}{
		{name: "shop", want: Variables{
			Title: "Shop", Module: "example.com/shop", ProtoPackage: "shop.v1", ProtoDir: "shop", ProtoFile: "shop.proto",
			GoPackage: "shopv1", Service: "ShopService", EnvPrefix: "SHOP",
		}},
		{name: "order-history", module: "git.example.com/acme/orders/v2", want: Variables{
			Title: "Order-history", Module: "git.example.com/acme/orders/v2", ProtoPackage: "order_history.v1",
			ProtoDir: "order_history", ProtoFile: "order_history.proto", GoPackage: "orderhistoryv1",
			Service: "OrderHistoryService", EnvPrefix: "ORDER_HISTORY",
		}},
		{name: "user-service", want: Variables{
			Title: "User-service", Module: "example.com/user-service", ProtoPackage: "user_service.v1",
			ProtoDir: "user_service", ProtoFile: "user_service.proto", GoPackage: "userservicev1", Service: "UserService",
			EnvPrefix: "USER_SERVICE",
		}},
		{name: "s3-2", want: Variables{
			Title: "S3-2", Module: "example.com/s3-2", ProtoPackage: "s3_2.v1", ProtoDir: "s3_2", ProtoFile: "s3_2.proto",
			GoPackage: "s32v1", Service: "S32Service", EnvPrefix: "S3_2",
		}},

		{name: "", err: "the name is empty"},
		{name: "Shop", err: "such as shop;"},
		{name: "orderHistory", err: "such as order-history;"},
		{name: "order_history", err: "such as order-history;"},
		{name: "my shop!", err: "such as my-shop;"},
		{name: "order--history", err: "such as order-history;"},
		{name: "-shop", err: "such as shop;"},
		{name: "shop-", err: "such as shop;"},
		{name: "9lives", err: "such as lives;"},
		{name: "магазин", err: "a letter first; contracts"},
		{name: "shöp", err: "a letter first; contracts"},
		{name: "shop\x00", err: "such as shop;"},
		{name: "a/b", err: "is a path"},
		{name: `a\b`, err: "is a path"},
		{name: "..", err: "must be lower-case letters"},
		{name: strings.Repeat("a", 41), err: "has 41 characters, may have 40"},
		{name: "func", err: "is a keyword of Go; take a longer name, such as func-service"},
		{name: "payments-js", err: "for one platform alone; take another, such as payments-js-service"},
		{name: "main", err: "take another, such as my-main"},
		{name: "internal", err: "Go gives directories of this name a meaning"},
		{name: "message", err: "it is a word of the language of contracts"},
		{name: "yes", err: "YAML takes the word for a value of its own"},
		{name: "grpc", err: "the package grpc"},

		{name: "shop", module: "shop", err: "--module shop: missing dot in first path element"},
		{name: "shop", module: "example.com/a b", err: "invalid char ' '"},
		{name: "shop", module: "example.com/../shop", err: "--module example.com/../shop: "},
		{name: "shop", module: "example.com/shop/v1", err: "invalid version"},
		{name: "shop", module: "example.com/магазин", err: "invalid char"},
		{name: "shop", module: "example.com/internal", err: "testdata, vendor and internal"},
		{name: "shop", module: core + "/shop", err: "lies within the framework's own module"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.module, func(t *testing.T) {
			t.Parallel()
			got, err := newVariables(tt.name, tt.module)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			want.Name = tt.name
			want.Port, want.AdminPort, want.Address, want.AdminAddress = 8080, 8081, "127.0.0.1:8080", "127.0.0.1:8081"
			want.SettleSeconds, want.DrainSeconds, want.GraceSeconds = got.SettleSeconds, got.DrainSeconds, got.GraceSeconds
			want.Internal, want.ConfigFile, want.Dockerfile, want.Deploy = "internal", "config.yaml", "Dockerfile",
				"deploy/kubernetes"
			want.Services, want.Packages, want.Requires, want.Standard = got.Services, got.Packages, got.Requires, true
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if got.DrainSeconds <= got.SettleSeconds || got.GraceSeconds <= got.DrainSeconds {
				t.Errorf("settle %d s, drain %d s, grace %d s", got.SettleSeconds, got.DrainSeconds, got.GraceSeconds)
			}
		})
	}
}

// TestManual: the help has a line for each variable.
func TestManual(t *testing.T) {
	t.Parallel()
	for f := range reflect.TypeFor[Variables]().Fields() {
		if f.Tag.Get("doc") == "" || !strings.Contains(New().Long, "  "+f.Name+" ") {
			t.Errorf("%s is not in the help", f.Name)
		}
	}
}
